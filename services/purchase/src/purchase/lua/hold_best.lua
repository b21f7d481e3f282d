-- needs: outbox clock seat capacity customer new_hold best_seats

-- Hold the best 1 to 10 seats among some rows of a zone (lib/best_seats.lua), and append the
-- message.
--
-- KEYS[1]      outbox  stream
-- KEYS[2]      epoch   string
-- KEYS[3..]    see lib/new_hold.lua; the rows to examine, from the front to the back: few enough
--              not to delay other calls
-- ARGV[1..4]   see lib/outbox.lua
-- ARGV[5..14]  see lib/new_hold.lua
-- ARGV[15..]   zone, seats per row, price, the message in three parts (before its seats; a seat,
--              with places for its row's number and its column's label; after its seats), then the
--              number of each row (none: no hold may have so many seats)
--
-- Returns      {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, one of
--              {'HELD', position, seats} | {'REPLAYED', hold id} | {'KEY_REUSED'} | {'STALE'} |
--              {'LIMIT'} | {'HOLDS'} | {'IMPOSSIBLE'} | {'ZONE_FULL'} |
--              {'SHORT', row number, free seats in it ...}}

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local zone, width, price = ARGV[15], tonumber(ARGV[16]), ARGV[17]
local before, seat_format, after = unpack(ARGV, 18, 20)
local rows, numbers = {}, {}
for place = 21, #ARGV do
  numbers[#numbers + 1] = ARGV[place]
  rows[#rows + 1] = KEYS[8 + #numbers]
end

local answer = refuse_hold(last)
if answer then return {'JUDGED', last, answer} end
if #rows == 0 then return {'JUDGED', last, {'IMPOSSIBLE'}} end
if is_full(event, sold, zone) then return {'JUDGED', last, {'ZONE_FULL'}} end

-- Return the letters of the column with this number: a, b, … z, aa, ab, …
local function column_label(number)
  local letters = ''
  while number > 0 do
    letters = string.char(97 + (number - 1) % 26) .. letters
    number = math.floor((number - 1) / 26)
  end
  return letters
end

local blocks, free_in = best_seats(rows, width, wanted)
if not blocks then
  local short = {'SHORT'}
  for _, row in ipairs(free_in) do
    short[#short + 1] = tonumber(numbers[row[1]])
    short[#short + 1] = row[2]
  end
  return {'JUDGED', last, short}
end

local seats, packed, message_seats = {}, {}, {}
for _, block in ipairs(blocks) do
  for column = block.first, block.first + block.length - 1 do
    seats[#seats + 1] = {row = block.row, column = column}
    packed[#packed + 1] = struct.pack('>I4I2I2I4', zone, numbers[block.place], column, price)
    message_seats[#message_seats + 1] = seat_format:format(numbers[block.place], column_label(column))
  end
end
packed = table.concat(packed)
last = append(epoch, before .. table.concat(message_seats, ',') .. after)
write_hold(epoch, packed, seats)
return {'JUDGED', last, {'HELD', last, packed}}
