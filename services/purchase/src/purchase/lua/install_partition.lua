-- Give a partition its epoch and its empty outbox, if it has never had any.
--
-- KEYS[1]  outbox  stream
-- KEYS[2]  epoch   string
-- ARGV[1]  whether the partition has had both before (1 or 0)
--
-- Returns  {'INSTALLED'} | {'PRESENT'} | {'LOST'}: one of the two is there without the other, or both are gone

local has_outbox = redis.call('EXISTS', KEYS[1]) == 1
local has_epoch = redis.call('EXISTS', KEYS[2]) == 1
if has_outbox and has_epoch then return {'PRESENT'} end
if has_outbox or has_epoch or ARGV[1] == '1' then return {'LOST'} end

-- An empty stream comes into being only with a consumer group; nobody reads through it.
redis.call('XGROUP', 'CREATE', KEYS[1], 'install', '$', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'install')
redis.call('SET', KEYS[2], 1)
return {'INSTALLED'}
