-- needs: outbox

-- Read the value stored with an idempotency key; writes nothing.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     key     string  fingerprint, value
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5]     fingerprint
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'REPLAYED', value} | {'KEY_REUSED'} | {'UNKNOWN'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local stored = redis.call('GET', KEYS[3])
if not stored then return {'JUDGED', last, {'UNKNOWN'}} end
if stored:sub(1, 16) ~= ARGV[5] then return {'JUDGED', last, {'KEY_REUSED'}} end
return {'JUDGED', last, {'REPLAYED', stored:sub(17)}}
