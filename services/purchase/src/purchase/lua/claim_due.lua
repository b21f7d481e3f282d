-- needs: clock

-- Claim due members under a lease; once it has run out, any process may claim them again.
--
-- KEYS[1]  due  sorted set  members by the time when they are due, in ms since 1970
-- ARGV[1]  how many at most
-- ARGV[2]  length of the lease in ms
--
-- Returns  the claimed members, the longest due first

local claimed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now(), 'LIMIT', 0, ARGV[1])
for _, member in ipairs(claimed) do redis.call('ZADD', KEYS[1], 'XX', now() + ARGV[2], member) end
return claimed
