-- needs: outbox clock seat hold ticket undo refund

-- End a sold hold whose capture was refused for good: cancel its remaining tickets, free their
-- seats, and append a message for each.
--
-- KEYS[1]     outbox     stream
-- KEYS[2]     epoch      string
-- KEYS[3]     hold       hash
-- KEYS[4]     due        sorted set
-- KEYS[5]     sold       hash    zone → seats sold; all → their sum
-- KEYS[6]     customers  hash    customer → seats
-- KEYS[7..]   rows       hashes  the row of each of its seats; then the bucket of each of their
--             tickets
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, reason, customer ('': none); then a message for each ticket
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or
--             {'JUDGED', last position, {'CANCELLED'} | {'CAPTURED'} | {state}}
--
-- No refund is owed for a ticket that its owner has cancelled before: nothing was captured.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, due, sold, customers = unpack(KEYS, 3, 6)
local id, code, customer = unpack(ARGV, 5, 7)

local state, captured, tickets = unpack(redis.call('HMGET', hold, 'state', 'captured', 'tickets'))
if state ~= 'CONFIRMED' then return {'JUDGED', last, {state}} end
if captured then return {'JUDGED', last, {'CAPTURED'}} end

local seats = seats_of(hold, 7)
for place, seat in ipairs(seats) do
  local bucket, ticket_id = KEYS[6 + #seats + place], tickets:sub(16 * place - 15, 16 * place)
  local ticket_state, generation, ticket = read_ticket(bucket, ticket_id)
  if ticket_state == 'P' then
    last = append(epoch, ARGV[7 + place], generation)
    write_ticket(bucket, ticket_id, 'C', generation, ticket)
    free_sold_seat(seat.row, seat.column, ticket_id, sold, seat.zone, customers, customer)
  end
  end_refund(due, ticket_id)
end
move_hold(hold, 'CANCELLED', 'code', code)
redis.call('EXPIRE', hold, ENDED_HOLD_SECONDS)
redis.call('ZREM', due, 'H' .. id)
return {'JUDGED', last, {'CANCELLED'}}
