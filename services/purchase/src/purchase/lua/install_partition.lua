-- Give a partition its epoch and its empty outbox, if it has never had any, and what reads its webhooks, if that is missing.
--
-- KEYS[1]  outbox    stream
-- KEYS[2]  epoch     string
-- KEYS[3]  webhooks  stream
-- ARGV[1]  whether the partition has had epoch and outbox before (1 or 0)
-- ARGV[2]  consumer group of the webhooks
--
-- Returns  {'INSTALLED'} | {'PRESENT'} | {'LOST'}: one of the two is there without the other, or both are gone

local has_outbox = redis.call('EXISTS', KEYS[1]) == 1
local has_epoch = redis.call('EXISTS', KEYS[2]) == 1
if has_outbox ~= has_epoch or (not has_outbox and ARGV[1] == '1') then return {'LOST'} end

redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[2], '0', 'MKSTREAM') -- fails where it is there
if has_outbox then return {'PRESENT'} end

-- An empty stream comes into being only with a consumer group; nobody reads through it.
redis.call('XGROUP', 'CREATE', KEYS[1], 'install', '$', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'install')
redis.call('SET', KEYS[2], 1)
return {'INSTALLED'}
