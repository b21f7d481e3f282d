-- Cancel one ticket and free its seat, and tell the others; a later owner of the seat is never touched.
--
-- KEYS[1]     outbox     stream
-- KEYS[2]     epoch      string
-- KEYS[3]     bucket     hash  ticket id → ticket
-- KEYS[4]     row        hash  column → seat
-- KEYS[5]     sold       hash  zone → seats sold, and in all
-- KEYS[6]     customers  hash  customer → seats
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   ticket id, zone, column, customer ('': none), message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'CANCELLED', position} | {'UNKNOWN'}};
--             a ticket that was cancelled before answers the same, with the last position

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local bucket, row, sold, customers = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, zone, column, customer, message = unpack(ARGV, 5)

local state, generation, ticket = read_ticket(bucket, id)
if not state then return {'JUDGED', last, {'UNKNOWN'}} end
if state == 'C' then return {'JUDGED', last, {'CANCELLED', last}} end

last = append(epoch, message, generation)
write_ticket(bucket, id, 'C', generation, ticket)
free_sold_seat(row, column, id, sold, zone, customers, customer)
return {'JUDGED', last, {'CANCELLED', last}}
