-- needs: clock

-- Claim what must be looked at: whoever claims it has that long to settle it, then it is anybody's again.
--
-- KEYS[1]  due  sorted set  what, by the ms since 1970 when it must be looked at
-- ARGV[1]  how many at most
-- ARGV[2]  how long it is the claimant's, in ms
--
-- Returns  what was claimed, longest due first

local claimed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now(), 'LIMIT', 0, ARGV[1])
for _, member in ipairs(claimed) do redis.call('ZADD', KEYS[1], 'XX', now() + ARGV[2], member) end
return claimed
