-- needs: outbox

-- Store the new shape of a venue as pending, unless another change of it is in progress. No
-- message.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3]     venue   hash
-- KEYS[4]     venues  set
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   venue id, definition, whether the venue must be new (1 or 0), id of the change: a
--             retry carries the same one, and gets the same answer
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, one of
--             {'BEGUN', number, whether the venue is new (1 or 0)} | {'PENDING'} | {'PRESENT'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local venue, venues = KEYS[3], KEYS[4]
local id, definition, must_be_new, change = ARGV[5], ARGV[6], ARGV[7] == '1', ARGV[8]
local begun, begun_number, begun_new = (redis.call('HGET', venue, 'begun') or ''):match('(%S+) (%d+) (%d)')
local is_new = redis.call('HEXISTS', venue, 'definition') == 0

if begun == change then return {'JUDGED', last, {'BEGUN', tonumber(begun_number), tonumber(begun_new)}} end

if redis.call('HEXISTS', venue, 'pending') == 1 then return {'JUDGED', last, {'PENDING'}} end
if must_be_new and not is_new then return {'JUDGED', last, {'PRESENT'}} end

redis.call('SADD', venues, id)
local number = redis.call('HINCRBY', venue, 'changes', 1)
local begun_now = change .. ' ' .. number .. ' ' .. (is_new and 1 or 0)
redis.call('HSET', venue, 'pending', definition, 'number', number, 'phase', 'agreeing', 'begun', begun_now)
return {'JUDGED', last, {'BEGUN', number, is_new and 1 or 0}}
