-- A ticket in its bucket: state in one byte ('P' purchased, 'C' cancelled), generation in four,
-- then the ticket as Python encoded it.

local function read_ticket(bucket, id)
  local ticket = redis.call('HGET', bucket, id)
  if not ticket then return nil end
  return ticket:sub(1, 1), struct.unpack('>I4', ticket, 2), ticket:sub(6)
end

local function write_ticket(bucket, id, state, generation, ticket)
  redis.call('HSET', bucket, id, state .. struct.pack('>I4', generation) .. ticket)
end
