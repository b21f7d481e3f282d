-- needs: outbox

-- End the pending change of a venue as it was decided: write it and append the message, or drop it.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     venue   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   number of the change, message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'WRITTEN', position} | {'DROPPED'} | {'OVER'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

-- A process may resume a change that others have ended since: refusals are stored for it.
local REFUSALS_STORED = 100
local venue = KEYS[3]
local number, message = ARGV[5], ARGV[6]

if redis.call('HGET', venue, 'number') ~= number then return {'JUDGED', last, {'OVER'}} end
local ended
if redis.call('HGET', venue, 'phase') == 'refusing' then
  redis.call('HSET', venue, 'refused:' .. number, 1)
  ended = {'DROPPED'}
else
  last = append(epoch, message)
  redis.call('HSET', venue, 'definition', redis.call('HGET', venue, 'pending'))
  ended = {'WRITTEN', last}
end
redis.call('HDEL', venue, 'pending', 'number', 'phase', 'refused:' .. (number - REFUSALS_STORED))
return {'JUDGED', last, ended}
