-- needs: outbox clock seat hold

-- Let a hold that is being paid end once its payment has ended. No message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     hold    hash
-- KEYS[4]     due     sorted set
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, its state after that (RELEASED or EXPIRED), when it is due
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'ENDING'} | {state}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local hold, due = KEYS[3], KEYS[4]
local id, why, due_ms = unpack(ARGV, 5)

local state = redis.call('HGET', hold, 'state')
if state ~= 'PAYING' then return {'JUDGED', last, {state}} end
move_hold(hold, 'ENDING', 'why', why)
redis.call('ZADD', due, due_ms, 'H' .. id)
return {'JUDGED', last, {'ENDING'}}
