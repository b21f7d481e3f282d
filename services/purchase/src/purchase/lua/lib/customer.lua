-- Return how many seats of an event a customer has, sold or held at the moment, and in how many
-- holds.
--
-- A live hold is a member of the customer's sorted set: the hold's id and, in one byte, its number
-- of seats. Its score is its deadline, and +inf while it is being paid.
local function seats_and_holds(customers, held, customer)
  local holds = redis.call('ZRANGEBYSCORE', held, '(' .. now(), '+inf')
  local seats = tonumber(redis.call('HGET', customers, customer) or 0)
  for _, hold in ipairs(holds) do seats = seats + hold:byte(17) end
  return seats, #holds
end
