-- needs: outbox

-- Close the seats that a change of the venue would take from an event, until that change is settled; tell nobody.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version that is replaced (0: there is none), number of the change, definition without the seats that go
--             (unread while the event is not defined yet)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'AGREED'} | {'STALE'} | {'SETTLED'}}
--
-- The version moves also when nothing is closed: a definition of the event that was judged by the old venue is then stale.
-- An event that is not defined yet may still become another venue's, so nothing else is noted there.

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
