-- needs: outbox

-- Write an event as it is sold from now on, and tell the others.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version that is replaced (0: there is none), number of the venue's change that the definition is as of,
--             whether an event that is as of that change already stays as it is (1 or 0), definition, id of the message
--             (a call whose answer was lost is repeated with the same one, and is then answered as before), message,
--             then zone and its number of seats, for each zone
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'WRITTEN', position} | {'STALE'} | {'SETTLED'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local event = KEYS[3]
local replaced, change, only_once = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local definition, id, message = ARGV[8], ARGV[9], ARGV[10]

if redis.call('HGET', event, 'written') == id then return {'JUDGED', last, {'WRITTEN', last}} end
if tonumber(redis.call('HGET', event, 'version') or 0) ~= replaced then return {'JUDGED', last, {'STALE'}} end
if only_once and tonumber(redis.call('HGET', event, 'settled') or 0) >= change then
  return {'JUDGED', last, {'SETTLED'}}
end

last = append(epoch, message)
local all = 0
for place = 11, #ARGV, 2 do
  redis.call('HSET', event, 'capacity:' .. ARGV[place], ARGV[place + 1])
  all = all + ARGV[place + 1]
end
redis.call(
  'HSET', event, 'version', replaced + 1, 'definition', definition, 'capacity', all, 'settled', change, 'written', id
)
redis.call('HDEL', event, 'agreed', 'before')
return {'JUDGED', last, {'WRITTEN', last}}
