-- A refund that is owed for a cancelled ticket. It is due until it is given and its message
-- appended, or until a case is opened.

local function owe_refund(due, ticket, in_ms)
  redis.call('ZADD', due, now() + in_ms, 'R' .. ticket)
end

local function is_refund_owed(due, ticket)
  return redis.call('ZSCORE', due, 'R' .. ticket) ~= false
end

local function end_refund(due, ticket)
  redis.call('ZREM', due, 'R' .. ticket)
end
