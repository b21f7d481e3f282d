-- needs: outbox clock seat ticket undo refund

-- Cancel one ticket, free its seat and append the message. A later owner of the seat is unaffected.
--
-- KEYS[1]     outbox     stream
-- KEYS[2]     epoch      string
-- KEYS[3]     bucket     hash        ticket id → ticket
-- KEYS[4]     row        hash        column → seat
-- KEYS[5]     sold       hash        zone → seats sold; all → their sum
-- KEYS[6]     customers  hash        customer → seats
-- KEYS[7]     due        sorted set
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   ticket id, zone, column, customer ('': none), message, in how many ms the refund is
--             due for any process ('': nothing was paid)
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'CANCELLED', position}
--             | {'CANCELLED_BEFORE', last position} | {'UNKNOWN'}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local bucket, row, sold, customers, due = unpack(KEYS, 3, 7)
local id, zone, column, customer, message, refund_ms = unpack(ARGV, 5)

local state, generation, ticket = read_ticket(bucket, id)
if not state then return {'JUDGED', last, {'UNKNOWN'}} end
if state == 'C' then return {'JUDGED', last, {'CANCELLED_BEFORE', last}} end

last = append(epoch, message, generation)
write_ticket(bucket, id, 'C', generation, ticket)
if refund_ms ~= '' then owe_refund(due, id, refund_ms) end
free_sold_seat(row, column, id, sold, zone, customers, customer)
return {'JUDGED', last, {'CANCELLED', last}}
