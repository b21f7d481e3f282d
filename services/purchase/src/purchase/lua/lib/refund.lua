-- A refund that is owed for a cancelled ticket: it is due until it was given and told, or a person has been asked.

local function owe_refund(due, ticket, in_ms)
  redis.call('ZADD', due, now() + in_ms, 'R' .. ticket)
end

local function is_refund_owed(due, ticket)
  return redis.call('ZSCORE', due, 'R' .. ticket) ~= false
end

local function end_refund(due, ticket)
  redis.call('ZREM', due, 'R' .. ticket)
end
