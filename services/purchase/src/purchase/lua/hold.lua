-- needs: outbox clock seat hold capacity customer new_hold

-- Hold 1 to 10 named seats of an event, all or none, and append the message.
--
-- KEYS[1]      outbox  stream
-- KEYS[2]      epoch   string
-- KEYS[3..]    see lib/new_hold.lua; the row of each seat
-- ARGV[1..4]   see lib/outbox.lua
-- ARGV[5..14]  see lib/new_hold.lua
-- ARGV[15..]   the seats ('': no hold may have them together, and they are not named), message
--
-- Returns      {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, one of
--              {'HELD', position, seats} | {'REPLAYED', hold id} | {'KEY_REUSED'} | {'STALE'} |
--              {'LIMIT'} | {'HOLDS'} | {'IMPOSSIBLE'} |
--              {'TAKEN' | 'ZONE_FULL' | 'EVENT_FULL', place of each seat that is not free ...}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local packed, message = ARGV[15], ARGV[16]
local answer = refuse_hold(last)
if answer then return {'JUDGED', last, answer} end
if packed == '' then return {'JUDGED', last, {'IMPOSSIBLE'}} end

local seats, taken, all_full = unpack_seats(packed, 9), {}, true
for place, seat in ipairs(seats) do
  if read_seat(seat.row, seat.column) ~= 'F' then
    taken[#taken + 1] = place
    all_full = all_full and is_full(event, sold, seat.zone)
  end
end
if #taken > 0 then
  local word = is_full(event, sold, 'all') and 'EVENT_FULL' or all_full and 'ZONE_FULL' or 'TAKEN'
  return {'JUDGED', last, {word, unpack(taken)}}
end

last = append(epoch, message)
write_hold(epoch, packed, seats)
return {'JUDGED', last, {'HELD', last, packed}}
