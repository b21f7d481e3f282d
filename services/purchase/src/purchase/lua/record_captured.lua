-- needs: outbox clock seat hold

-- Record that the payment of a hold was captured, so that nothing is due, and append the message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     due     sorted set
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'CAPTURED'} | {state}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, due = KEYS[3], KEYS[4]
local id, message = ARGV[5], ARGV[6]

local state, captured = unpack(redis.call('HMGET', hold, 'state', 'captured'))
if state ~= 'CONFIRMED' then return {'JUDGED', last, {state}} end
if captured then return {'JUDGED', last, {'CAPTURED'}} end

last = append(epoch, message)
move_hold(hold, 'CONFIRMED')
record_captured(hold, due, id)
return {'JUDGED', last, {'CAPTURED'}}
