-- needs: outbox

-- Confirm that the state of a partition is the one that the caller knows; writes nothing.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- ARGV[1..4]  see lib/outbox.lua
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'CONFIRMED'}}

local refusal, _, last = judge()
if refusal then return {refusal} end
return {'JUDGED', last, {'CONFIRMED'}}
