-- needs: outbox clock seat hold

-- Record which payment an attempt has at the provider, or that the provider is about to be asked
-- for it again. No message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     due     sorted set
-- KEYS[5]     key     string  fingerprint, answer; only with an idempotency key
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, attempt, payment ('': not known yet), when it is due; and, only with an
--             idempotency key, its fingerprint, its time to live in seconds and the answer
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, one of
--             {'NOTED', version of the hold} | {'REPLAYED', answer} | {'KEY_REUSED'} | {'STALE'} |
--             {state}}
--
-- The version moves even if the payment is not known yet: an earlier caller can then no longer
-- claim that nothing was done. A payment may be recorded again, also if its hold was sold in the
-- meantime.

local refusal, _, last = judge()
if refusal then return {refusal} end

local hold, due, key = unpack(KEYS, 3, 5)
local id, attempt, payment, due_ms, fingerprint, key_seconds, answer = unpack(ARGV, 5)

local state, stored_attempt, stored_payment = unpack(redis.call('HMGET', hold, 'state', 'attempt', 'payment'))
if stored_attempt ~= attempt or (stored_payment ~= '' and stored_payment ~= payment) then return {'JUDGED', last, {'STALE'}} end
if state ~= 'PAYING' and state ~= 'CONFIRMED' then return {'JUDGED', last, {state}} end
local stored = key and redis.call('GET', key)

if stored_payment == '' then move_hold(hold, state, 'payment', payment) end
if state == 'PAYING' then redis.call('ZADD', due, due_ms, 'H' .. id) end
if stored and stored:sub(1, 16) ~= fingerprint then return {'JUDGED', last, {'KEY_REUSED'}} end
if stored then return {'JUDGED', last, {'REPLAYED', stored:sub(17)}} end
if key then redis.call('SET', key, fingerprint .. answer, 'EX', key_seconds) end
return {'JUDGED', last, {'NOTED', redis.call('HGET', hold, 'version')}}
