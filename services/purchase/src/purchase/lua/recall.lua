-- needs: outbox

-- Tell what an idempotency key is remembered for; writes nothing.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     key     string  fingerprint, what is remembered
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5]     fingerprint
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'REPLAYED', what is remembered} | {'KEY_REUSED'} | {'UNKNOWN'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local remembered = redis.call('GET', KEYS[3])
if not remembered then return {'JUDGED', last, {'UNKNOWN'}} end
if remembered:sub(1, 16) ~= ARGV[5] then return {'JUDGED', last, {'KEY_REUSED'}} end
return {'JUDGED', last, {'REPLAYED', remembered:sub(17)}}
