-- needs: outbox

-- Append the message that a payment whose seats were gone was refunded, once.
--
-- KEYS[1]     outbox       stream
-- KEYS[2]     epoch        string
-- KEYS[3]     late refund  string with a time to live
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   time to live in seconds, message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'REFUNDED'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

if redis.call('EXISTS', KEYS[3]) == 0 then
  last = append(epoch, ARGV[6])
  redis.call('SET', KEYS[3], '', 'EX', ARGV[5])
end
return {'JUDGED', last, {'REFUNDED'}}
