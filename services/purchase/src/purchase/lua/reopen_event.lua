-- needs: outbox

-- Open the seats again that were closed for a change of the venue that was refused. No message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version to replace (0: none), number of the change
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'REOPENED'} | {'STALE'} | {'SETTLED'}}
--
-- The version moves even if nothing was closed: a definition that ignores this change is then
-- stale.

local refusal, _, last = judge()
if refusal then return {refusal} end

local event = KEYS[3]
local replaced, change = tonumber(ARGV[5]), tonumber(ARGV[6])

if tonumber(redis.call('HGET', event, 'version') or 0) ~= replaced then return {'JUDGED', last, {'STALE'}} end
if redis.call('HEXISTS', event, 'definition') == 1 then
  if tonumber(redis.call('HGET', event, 'settled') or 0) >= change then return {'JUDGED', last, {'SETTLED'}} end
  local before = redis.call('HGET', event, 'before')
  if before then redis.call('HSET', event, 'definition', before) end
  redis.call('HDEL', event, 'agreed', 'before')
  redis.call('HSET', event, 'settled', change)
end
redis.call('HSET', event, 'version', replaced + 1)
return {'JUDGED', last, {'REOPENED'}}
