-- needs: outbox clock seat ticket undo refund

-- Cancel a ticket that the write model refused, append the message, and give the seat to its owner.
--
-- KEYS[1]     outbox     stream
-- KEYS[2]     epoch      string
-- KEYS[3]     bucket     hash        ticket id → ticket
-- KEYS[4]     row        hash        column → seat
-- KEYS[5]     sold       hash        zone → seats sold; all → their sum
-- KEYS[6]     customers  hash        customer → seats
-- KEYS[7]     due        sorted set
-- KEYS[8]     bucket     hash        of the owner, if any
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   ticket id, zone, column, customer ('': none), message, in how many ms the refund is
--             due ('': nothing was paid), ticket id of the owner ('': the seat is free)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'CANCELLED', position}
--             | {'CANCELLED_BEFORE', last position} | {'UNKNOWN'}}
--
-- The owner gets the seat while this sale is the seat's last one, even if the ticket was cancelled
-- before or the seat is held: otherwise the owner's seat would be sold to somebody else. An owner
-- that is unknown here was lost with a part of Redis's past.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local bucket, row, sold, customers, due, owners_bucket = unpack(KEYS, 3, 8)
local id, zone, column, customer, message, refund_ms, owner = unpack(ARGV, 5)

local state, generation, ticket = read_ticket(bucket, id)
if not state then return {'JUDGED', last, {'UNKNOWN'}} end

local answer = 'CANCELLED_BEFORE'
if state ~= 'C' then
  answer = 'CANCELLED'
  last = append(epoch, message, generation)
  write_ticket(bucket, id, 'C', generation, ticket)
  if refund_ms ~= '' then owe_refund(due, id, refund_ms) end
  free_sold_seat(row, column, id, sold, zone, customers, customer)
end
local kind, seat_generation = read_seat(row, column)
if owner ~= '' and read_ticket(owners_bucket, owner) ~= 'C' and seat_generation == generation and kind ~= 'S' then
  write_seat(row, column, 'S', generation, owner)
  redis.call('HINCRBY', sold, zone, 1)
  redis.call('HINCRBY', sold, 'all', 1)
end
return {'JUDGED', last, {answer, last}}
