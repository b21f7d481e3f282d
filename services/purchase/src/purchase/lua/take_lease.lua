-- Take or keep the lease to publish a partition.
--
-- KEYS[1]  lease  string with a time to live
-- ARGV[1]  relay that asks
-- ARGV[2]  how long it leads, in milliseconds
--
-- Returns  {'LEADING'} | {'FOLLOWING'}

local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return {'FOLLOWING'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'LEADING'}
