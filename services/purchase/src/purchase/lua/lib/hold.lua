-- A hold, a hash: state, version (counts its transitions), epoch that it was made under, deadline in ms since 1970, what Python
-- wrote down once (hold), its seats, and what is known of its payment. Ended, it is kept for a day.
--
-- Its seats take 12 bytes each: zone in four, row and column in two each, price in four. A call about a hold ends its KEYS with
-- the row of each of these seats, in their order.

local HOLD_KEPT_SECONDS = 24 * 60 * 60

local function unpack_seats(packed, first_row)
  local seats = {}
  for place = 1, #packed, 12 do
    local zone, _, column = struct.unpack('>I4I2I2', packed, place)
    seats[#seats + 1] = {row = KEYS[first_row + #seats], zone = zone, column = column}
  end
  return seats
end

local function seats_of(hold, first_row)
  return unpack_seats(redis.call('HGET', hold, 'seats'), first_row)
end

-- Generation of a seat that is still the hold's, whether or not its deadline has passed; nil when it is another's.
local function generation_held(seat, id)
  local record = redis.call('HGET', seat.row, seat.column)
  if not record then return nil end
  local kind, generation, owner = parse_seat(record)
  return kind == 'H' and owner == id and generation or nil
end

-- Whether every seat is still the hold's, whether or not its deadline has passed.
local function are_held(seats, id)
  for _, seat in ipairs(seats) do
    if not generation_held(seat, id) then return false end
  end
  return true
end

-- Keep those of the seats that are still the hold's until another deadline (0: until the hold is ended).
local function keep_seats(seats, id, deadline)
  for _, seat in ipairs(seats) do
    local generation = generation_held(seat, id)
    if generation then write_held_seat(seat.row, seat.column, generation, id, deadline) end
  end
end

-- Write down the next state of a hold, and fields and values that go with it.
local function move_hold(hold, state, ...)
  redis.call('HINCRBY', hold, 'version', 1)
  redis.call('HSET', hold, 'state', state, ...)
end

-- All the money for a hold that is sold has come: nothing is due any more.
local function record_captured(hold, due, id)
  redis.call('HSET', hold, 'captured', 1)
  redis.call('EXPIRE', hold, HOLD_KEPT_SECONDS)
  redis.call('ZREM', due, 'H' .. id)
end

-- Take a hold that has not been confirmed to its end: those of the seats that are still its own are free.
local function end_hold(hold, held, due, id, state, seats)
  for _, seat in ipairs(seats) do
    local generation = generation_held(seat, id)
    if generation then free_seat(seat.row, seat.column, generation) end
  end
  move_hold(hold, state)
  redis.call('EXPIRE', hold, HOLD_KEPT_SECONDS)
  redis.call('ZREM', held, id .. string.char(#seats))
  redis.call('ZREM', due, 'H' .. id)
end
