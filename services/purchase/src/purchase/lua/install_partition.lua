-- Create the epoch and the empty outbox of a partition if it never had them, and the stream and the
-- consumer group of its webhooks if they are missing.
--
-- KEYS[1]  outbox    stream
-- KEYS[2]  epoch     string
-- KEYS[3]  webhooks  stream
-- ARGV[1]  whether the partition has had an epoch and an outbox before (1 or 0)
-- ARGV[2]  consumer group of the webhooks
--
-- Returns  {'INSTALLED'} | {'PRESENT'} | {'LOST'}: one of the two is missing, or both were lost

local has_outbox = redis.call('EXISTS', KEYS[1]) == 1
local has_epoch = redis.call('EXISTS', KEYS[2]) == 1
if has_outbox ~= has_epoch or (not has_outbox and ARGV[1] == '1') then return {'LOST'} end

redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[2], '0', 'MKSTREAM') -- fails where it exists
if has_outbox then return {'PRESENT'} end

-- Only a consumer group can create an empty stream; nothing reads through this one.
redis.call('XGROUP', 'CREATE', KEYS[1], 'install', '$', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'install')
redis.call('SET', KEYS[2], 1)
return {'INSTALLED'}
