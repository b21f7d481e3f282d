-- A hold, a hash: state, version (counts its transitions), epoch of its creation, deadline in ms
-- since 1970, its constant part as Python encoded it (hold), its seats, and its payment. It is
-- deleted one day after it has ended.
--
-- A seat takes 12 bytes: zone in four, row and column in two each, price in four. A call about a
-- hold ends its KEYS with the row of each of its seats, in their order.

local ENDED_HOLD_SECONDS = 24 * 60 * 60

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

-- Return the generation of a seat that is still the hold's, even if its deadline has passed;
-- otherwise nil.
local function generation_held(seat, id)
  local record = redis.call('HGET', seat.row, seat.column)
  if not record then return nil end
  local kind, generation, owner = parse_seat(record)
  return kind == 'H' and owner == id and generation or nil
end

-- Return whether every seat is still the hold's, even if its deadline has passed.
local function are_held(seats, id)
  for _, seat in ipairs(seats) do
    if not generation_held(seat, id) then return false end
  end
  return true
end

-- Set a new deadline for those of the seats that are still the hold's (0: until the hold ends).
local function keep_seats(seats, id, deadline)
  for _, seat in ipairs(seats) do
    local generation = generation_held(seat, id)
    if generation then write_held_seat(seat.row, seat.column, generation, id, deadline) end
  end
end

-- Store the next state of a hold, and the fields and values that go with it.
local function move_hold(hold, state, ...)
  redis.call('HINCRBY', hold, 'version', 1)
  redis.call('HSET', hold, 'state', state, ...)
end

-- Record that the payment of a sold hold was captured, so that nothing is due any more.
local function record_captured(hold, due, id)
  redis.call('HSET', hold, 'captured', 1)
  redis.call('EXPIRE', hold, ENDED_HOLD_SECONDS)
  redis.call('ZREM', due, 'H' .. id)
end

-- End a hold that has not been confirmed, and free those of the seats that are still its own.
local function end_hold(hold, held, due, id, state, seats)
  for _, seat in ipairs(seats) do
    local generation = generation_held(seat, id)
    if generation then free_seat(seat.row, seat.column, generation) end
  end
  move_hold(hold, state)
  redis.call('EXPIRE', hold, ENDED_HOLD_SECONDS)
  redis.call('ZREM', held, id .. string.char(#seats))
  redis.call('ZREM', due, 'H' .. id)
end
