-- needs: outbox clock seat hold

-- Record that a payment attempt failed: hold the seats until a new deadline, and append the
-- message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     held    sorted set  live holds of its customer
-- KEYS[5]     due     sorted set
-- KEYS[6..]   rows    hashes      the row of each of its seats
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, version of the hold that it was judged by, attempt, reason, deadline,
--             message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'DECLINED'} | {'STALE'} | {state}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, held, due = unpack(KEYS, 3, 5)
local id, version, attempt, code, deadline, message = unpack(ARGV, 5)

local state, stored_version, stored_attempt = unpack(redis.call('HMGET', hold, 'state', 'version', 'attempt'))
if state == 'HELD' and stored_attempt == attempt then return {'JUDGED', last, {'DECLINED'}} end
if stored_version ~= version then return {'JUDGED', last, {'STALE'}} end
if state ~= 'PAYING' then return {'JUDGED', last, {state}} end

last = append(epoch, message)
local seats = seats_of(hold, 6)
keep_seats(seats, id, deadline)
redis.call('ZADD', held, 'XX', deadline, id .. string.char(#seats))
move_hold(hold, 'HELD', 'payment', '', 'code', code, 'deadline', deadline)
redis.call('ZADD', due, deadline, 'H' .. id)
return {'JUDGED', last, {'DECLINED'}}
