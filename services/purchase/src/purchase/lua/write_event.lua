-- Write an event as it is sold from now on, and tell the others.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     event   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   version that is replaced (0: there is none), change of the venue that this settles (0: none), definition,
--             message, then zone and its number of seats, for each zone
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'WRITTEN', position} | {'STALE'} | {'SETTLED'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local event = KEYS[3]
local replaced, change, definition, message = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8]

if change > 0 and tonumber(redis.call('HGET', event, 'settled') or 0) >= change then
  return {'JUDGED', last, {'SETTLED'}}
end
if tonumber(redis.call('HGET', event, 'version') or 0) ~= replaced then return {'JUDGED', last, {'STALE'}} end

last = append(epoch, message)
local all = 0
for place = 9, #ARGV, 2 do
  redis.call('HSET', event, 'capacity:' .. ARGV[place], ARGV[place + 1])
  all = all + ARGV[place + 1]
end
redis.call('HSET', event, 'version', replaced + 1, 'definition', definition, 'capacity', all)
redis.call('HDEL', event, 'agreed', 'before')
if change > 0 then redis.call('HSET', event, 'settled', change) end
return {'JUDGED', last, {'WRITTEN', last}}
