-- needs: outbox clock seat hold

-- Begin to pay for a hold: its seats are its own until the payment is decided; tell the others.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     held    sorted set  live holds of its customer
-- KEYS[5]     due     sorted set
-- KEYS[6..]   rows    hashes      the row of each of its seats; behind them the idempotency key, if one came
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, version of the hold that it was judged by, random bytes that tell this attempt from every other, method
--             ('': the customer confirms), latest end of the payment, when it is looked at, message, fingerprint and digest of
--             the idempotency key ('': none came)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'BEGUN'} | {'REPLAYED', answer} | {'KEY_REUSED'} |
--             {'EXPIRED'} | {'STALE'} | {state}}
--
-- The key is remembered with the answer only; until then the hold says by which key, with which body, its attempt was begun.
-- A hold that is being paid begins its next attempt, of which nobody is told: until when its seats are kept is as it was. Its
-- payment so far must have been ended before.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, held, due = unpack(KEYS, 3, 5)
local id, version, mark, method, cap, look, message, key_mark = unpack(ARGV, 5)
local remembered = key_mark ~= '' and redis.call('GET', KEYS[#KEYS])

local state, kept_version, kept_mark, kept_epoch, deadline =
  unpack(redis.call('HMGET', hold, 'state', 'version', 'mark', 'epoch', 'deadline'))
if state == 'PAYING' and kept_mark == mark then return {'JUDGED', last, {'BEGUN'}} end
if remembered and remembered:sub(1, 16) ~= key_mark:sub(1, 16) then return {'JUDGED', last, {'KEY_REUSED'}} end
if remembered then return {'JUDGED', last, {'REPLAYED', remembered:sub(17)}} end
if kept_version ~= version then return {'JUDGED', last, {'STALE'}} end
if state ~= 'HELD' and state ~= 'PAYING' then return {'JUDGED', last, {state}} end
if kept_epoch ~= epoch or tonumber(deadline) <= now() then return {'JUDGED', last, {'EXPIRED'}} end
local seats = seats_of(hold, 6)
if not are_held(seats, id) then return {'JUDGED', last, {'EXPIRED'}} end

if state == 'HELD' then
  last = append(epoch, message)
  keep_seats(seats, id, 0)
  redis.call('ZADD', held, 'XX', '+inf', id .. string.char(#seats))
end
redis.call('HINCRBY', hold, 'attempt', 1)
move_hold(hold, 'PAYING', 'mark', mark, 'method', method, 'key', key_mark, 'payment', '', 'code', '', 'cap', cap,
          'deadline', cap)
redis.call('ZADD', due, look, 'H' .. id)
return {'JUDGED', last, {'BEGUN'}}
