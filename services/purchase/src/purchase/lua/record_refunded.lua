-- needs: outbox clock refund

-- Record that a cancelled ticket was refunded, and append the message, once.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     due     sorted set
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   ticket id, message ('': none, because nothing was captured)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'NOTED'} |
--             {'NOT_OWED'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local due, id, message = KEYS[3], ARGV[5], ARGV[6]

if not is_refund_owed(due, id) then return {'JUDGED', last, {'NOT_OWED'}} end
if message ~= '' then last = append(epoch, message) end
end_refund(due, id)
return {'JUDGED', last, {'NOTED'}}
