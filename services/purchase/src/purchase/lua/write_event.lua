-- needs: outbox

-- Write an event as it is sold from now on, and append the message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version to replace (0: none), number of the venue's change that the definition
--             reflects, whether to keep an event that already reflects it (1 or 0), definition, id
--             of the message (a retry carries the same one, and gets the same answer), message,
--             then zone and its number of seats for each zone
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'WRITTEN', position} | {'STALE'} | {'SETTLED'}}

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
