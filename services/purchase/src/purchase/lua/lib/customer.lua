-- How many seats of an event a customer has, bought or held just now, and in how many holds.
--
-- A live hold is a member of the customer's sorted set: the hold's id and one byte seats, by when it ends by itself; while it is
-- being paid for it does not.
local function seats_and_holds(customers, held, customer)
  local holds = redis.call('ZRANGEBYSCORE', held, '(' .. now(), '+inf')
  local seats = tonumber(redis.call('HGET', customers, customer) or 0)
  for _, hold in ipairs(holds) do seats = seats + hold:byte(17) end
  return seats, #holds
end
