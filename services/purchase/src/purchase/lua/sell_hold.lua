-- needs: outbox clock seat hold ticket

-- Sell the seats of a hold whose payment is authorised, or that costs nothing, all or none, and
-- append a message for each.
--
-- KEYS[1]     outbox     stream
-- KEYS[2]     epoch      string
-- KEYS[3]     hold       hash
-- KEYS[4]     held       sorted set  live holds of its customer
-- KEYS[5]     due        sorted set
-- KEYS[6]     sold       hash        zone → seats sold; all → their sum
-- KEYS[7]     customers  hash        customer → seats
-- KEYS[8..]   rows       hashes      the row of each of its seats; then the bucket of each of their
--             tickets
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   hold id, attempt, customer ('': none), when its capture is due ('': it costs
--             nothing); then ticket id, ticket and message for each seat
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position,
--             {'SOLD'} | {'WAS_SOLD'} | {'GONE'} | {'STALE'} | {state}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local hold, held, due, sold, customers = unpack(KEYS, 3, 7)
local id, attempt, customer, due_ms = unpack(ARGV, 5, 8)
local is_free = due_ms == ''

local state, stored_attempt, stored_epoch, deadline = unpack(redis.call('HMGET', hold, 'state', 'attempt', 'epoch', 'deadline'))
if state == 'CONFIRMED' then return {'JUDGED', last, {'WAS_SOLD'}} end
if stored_attempt ~= attempt then return {'JUDGED', last, {'STALE'}} end
if state ~= (is_free and 'HELD' or 'PAYING') then return {'JUDGED', last, {state}} end
if is_free and tonumber(deadline) <= now() then return {'JUDGED', last, {'GONE'}} end
local seats = seats_of(hold, 8)
if stored_epoch ~= epoch or not are_held(seats, id) then return {'JUDGED', last, {'GONE'}} end

local tickets = ''
for place, seat in ipairs(seats) do
  local bucket = KEYS[7 + #seats + place]
  local ticket_id, ticket, message = unpack(ARGV, 6 + 3 * place, 8 + 3 * place)
  local generation = generation_held(seat, id) + 1
  last = append(epoch, message, generation)
  write_seat(seat.row, seat.column, 'S', generation, ticket_id)
  write_ticket(bucket, ticket_id, 'P', generation, ticket)
  redis.call('HINCRBY', sold, seat.zone, 1)
  redis.call('HINCRBY', sold, 'all', 1)
  tickets = tickets .. ticket_id
end
if customer ~= '' then redis.call('HINCRBY', customers, customer, #seats) end
redis.call('ZREM', held, id .. string.char(#seats))
move_hold(hold, 'CONFIRMED', 'tickets', tickets)
if is_free then
  record_captured(hold, due, id)
else
  redis.call('ZADD', due, due_ms, 'H' .. id)
end
return {'JUDGED', last, {'SOLD'}}
