-- needs: outbox clock seat hold

-- Note which payment an attempt has at the provider, or that the provider is asked for it once more; tell nobody.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     due     sorted set
-- KEYS[5]     key     string  fingerprint, answer; if an idempotency key came
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, attempt, payment ('': it is asked for), when it is looked at again, fingerprint, seconds a key is
--             remembered and answer, if an idempotency key came
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, one of
--             {'NOTED', version of the hold} | {'REPLAYED', answer} | {'KEY_REUSED'} | {'STALE'} | {state}}
--
-- The version moves also when a payment is only asked for: whoever asked before can then no longer know that nothing was done.
-- A payment may be noted again, also when its hold was sold meanwhile.

local refusal, _, last = judge()
if refusal then return {refusal} end

local hold, due, key = unpack(KEYS, 3, 5)
local id, attempt, payment, look, fingerprint, key_seconds, answer = unpack(ARGV, 5)

local state, kept_attempt, kept_payment = unpack(redis.call('HMGET', hold, 'state', 'attempt', 'payment'))
if kept_attempt ~= attempt or (kept_payment ~= '' and kept_payment ~= payment) then return {'JUDGED', last, {'STALE'}} end
if state ~= 'PAYING' and state ~= 'CONFIRMED' then return {'JUDGED', last, {state}} end
local remembered = key and redis.call('GET', key)

if kept_payment == '' then move_hold(hold, state, 'payment', payment) end
if state == 'PAYING' then redis.call('ZADD', due, look, 'H' .. id) end
if remembered and remembered:sub(1, 16) ~= fingerprint then return {'JUDGED', last, {'KEY_REUSED'}} end
if remembered then return {'JUDGED', last, {'REPLAYED', remembered:sub(17)}} end
if key then redis.call('SET', key, fingerprint .. answer, 'EX', key_seconds) end
return {'JUDGED', last, {'NOTED', redis.call('HGET', hold, 'version')}}
