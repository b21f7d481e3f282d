-- Open the seats again that were closed for a change of the venue which was refused; tell nobody.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5]     number of the change
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'REOPENED'} | {'SETTLED'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local event = KEYS[3]
local change = tonumber(ARGV[5])

if tonumber(redis.call('HGET', event, 'settled') or 0) >= change then return {'JUDGED', last, {'SETTLED'}} end

if tonumber(redis.call('HGET', event, 'agreed') or 0) == change then
  local before = redis.call('HGET', event, 'before')
  if before then redis.call('HSET', event, 'definition', before) end
  redis.call('HDEL', event, 'agreed', 'before')
end
redis.call('HSET', event, 'settled', change)
redis.call('HINCRBY', event, 'version', 1)
return {'JUDGED', last, {'REOPENED'}}
