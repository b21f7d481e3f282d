-- needs: outbox clock seat hold

-- Begin a payment attempt for a hold, which keeps its seats until the payment is decided; append
-- the message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     held    sorted set  live holds of its customer
-- KEYS[5]     due     sorted set
-- KEYS[6..]   rows    hashes      the row of each of its seats; then the idempotency key, if any
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, version of the hold that it was judged by, random bytes that identify the
--             attempt, method ('': the customer confirms), latest end of the payment, when it is
--             due, message, fingerprint and digest of the idempotency key ('': none)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'BEGUN'} |
--             {'REPLAYED', answer} | {'KEY_REUSED'} | {'EXPIRED'} | {'STALE'} | {state}}
--
-- The key is stored only with the answer. Until then the hold records with which key and body its
-- attempt was begun. A hold that is already being paid begins its next attempt: without a message,
-- because its seats stay kept as before. Its payment so far must have ended.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, held, due = unpack(KEYS, 3, 5)
local id, version, mark, method, cap, due_ms, message, key_mark = unpack(ARGV, 5)
local stored = key_mark ~= '' and redis.call('GET', KEYS[#KEYS])

local state, stored_version, stored_mark, stored_epoch, deadline =
  unpack(redis.call('HMGET', hold, 'state', 'version', 'mark', 'epoch', 'deadline'))
if state == 'PAYING' and stored_mark == mark then return {'JUDGED', last, {'BEGUN'}} end
if stored and stored:sub(1, 16) ~= key_mark:sub(1, 16) then return {'JUDGED', last, {'KEY_REUSED'}} end
if stored then return {'JUDGED', last, {'REPLAYED', stored:sub(17)}} end
if stored_version ~= version then return {'JUDGED', last, {'STALE'}} end
if state ~= 'HELD' and state ~= 'PAYING' then return {'JUDGED', last, {state}} end
if stored_epoch ~= epoch or tonumber(deadline) <= now() then return {'JUDGED', last, {'EXPIRED'}} end
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
redis.call('ZADD', due, due_ms, 'H' .. id)
return {'JUDGED', last, {'BEGUN'}}
