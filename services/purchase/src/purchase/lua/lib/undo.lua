-- Free the seat of a ticket that is no longer valid, and count it no more; a later owner of the seat is never touched.
local function free_sold_seat(row, column, ticket_id, sold, zone, customers, customer)
  local kind, generation, owner = read_seat(row, column)
  if kind ~= 'S' or owner ~= ticket_id then return end
  write_seat(row, column, 'F', generation, '')
  redis.call('HINCRBY', sold, zone, -1)
  redis.call('HINCRBY', sold, 'all', -1)
  if customer ~= '' and redis.call('HINCRBY', customers, customer, -1) <= 0 then redis.call('HDEL', customers, customer) end
end
