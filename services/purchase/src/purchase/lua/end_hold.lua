-- needs: outbox clock seat hold

-- End a hold that has expired or is released, free those of its seats that are still its own, and
-- append the message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     held    sorted set  live holds of its customer
-- KEYS[5]     due     sorted set
-- KEYS[6..]   rows    hashes      the row of each of its seats
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, version of the hold that it was judged by, whether it is released (1) or may
--             only expire (0), message if it is released, message if it has expired
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'ENDED', state, position} | {'LIVE'} | {'STALE'}};
--             for a hold that has already ended, the position is the last one
--
-- A HELD hold ends when its deadline has passed, or earlier when it is released. An ENDING one ends
-- in the state that was stored then. In every other state it is LIVE: its payment decides.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, held, due = unpack(KEYS, 3, 5)
local id, version, is_given_up, released, expired = unpack(ARGV, 5)

local state, stored_version, deadline, why = unpack(redis.call('HMGET', hold, 'state', 'version', 'deadline', 'why'))
if state == 'RELEASED' or state == 'EXPIRED' then return {'JUDGED', last, {'ENDED', state, last}} end
if stored_version ~= version then return {'JUDGED', last, {'STALE'}} end

local ending
if state == 'ENDING' then
  ending = why
elseif state == 'HELD' and tonumber(deadline) <= now() then
  ending = 'EXPIRED'
elseif state == 'HELD' and is_given_up == '1' then
  ending = 'RELEASED'
else
  return {'JUDGED', last, {'LIVE'}}
end

last = append(epoch, ending == 'RELEASED' and released or expired)
end_hold(hold, held, due, id, ending, seats_of(hold, 6))
return {'JUDGED', last, {'ENDED', ending, last}}
