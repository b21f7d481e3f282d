-- Free the seat of a ticket that is no longer valid, and subtract it from the counts. A later owner
-- of the seat is unaffected.
local function free_sold_seat(row, column, ticket_id, sold, zone, customers, customer)
  local kind, generation, owner = read_seat(row, column)
  if kind ~= 'S' or owner ~= ticket_id then return end
  write_seat(row, column, 'F', generation, '')
  redis.call('HINCRBY', sold, zone, -1)
  redis.call('HINCRBY', sold, 'all', -1)
  if customer ~= '' and redis.call('HINCRBY', customers, customer, -1) <= 0 then redis.call('HDEL', customers, customer) end
end
