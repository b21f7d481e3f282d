-- Take or renew the lease to publish a partition.
--
-- KEYS[1]  lease  string with a time to live
-- ARGV[1]  id of the calling relay
-- ARGV[2]  length of the lease in ms
--
-- Returns  {'LEADING'} | {'FOLLOWING'}

local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return {'FOLLOWING'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'LEADING'}
