-- needs: outbox

-- Close the seats of an event that a change of its venue would remove, until the change has ended.
-- No message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version to replace (0: none), number of the change, definition without the seats to
--             remove (ignored while the event is not defined)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'AGREED'} | {'STALE'} | {'SETTLED'}}
--
-- The version moves even if no seat is closed: a definition judged by the old venue is then stale.
-- An event that is not defined yet may still go to another venue, so nothing else is stored on it.

local refusal, _, last = judge()
if refusal then return {refusal} end

local event = KEYS[3]
local replaced, change, narrowed = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local definition = redis.call('HGET', event, 'definition')

if tonumber(redis.call('HGET', event, 'version') or 0) ~= replaced then return {'JUDGED', last, {'STALE'}} end
if definition then
  if tonumber(redis.call('HGET', event, 'settled') or 0) >= change then return {'JUDGED', last, {'SETTLED'}} end
  if tonumber(redis.call('HGET', event, 'agreed') or 0) >= change then return {'JUDGED', last, {'AGREED'}} end
  redis.call('HSET', event, 'agreed', change, 'before', definition, 'definition', narrowed)
end
redis.call('HSET', event, 'version', replaced + 1)
return {'JUDGED', last, {'AGREED'}}
