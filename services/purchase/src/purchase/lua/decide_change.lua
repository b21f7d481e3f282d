-- needs: outbox

-- Decide once whether the pending change of a venue is written or refused; a later call gets the
-- same answer.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     venue   hash
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   number of the change, 'writing' | 'refusing'
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'DECIDED', phase}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local venue = KEYS[3]
local number, phase = ARGV[5], ARGV[6]

if redis.call('HGET', venue, 'number') ~= number then
  local was_refused = redis.call('HEXISTS', venue, 'refused:' .. number) == 1
  return {'JUDGED', last, {'DECIDED', was_refused and 'refusing' or 'writing'}}
end
if redis.call('HGET', venue, 'phase') == 'agreeing' then redis.call('HSET', venue, 'phase', phase) end
return {'JUDGED', last, {'DECIDED', redis.call('HGET', venue, 'phase')}}
