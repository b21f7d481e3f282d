-- A seat in its row: kind in one byte, generation (how often it was sold) in four, then its owner:
--   'S' sold  the ticket's id
--   'H' held  the hold's id, and in eight bytes its deadline in ms since 1970 (0: the hold's end)
--   'F' free  nothing
-- A seat that was never sold and is not held has no record.

-- Return kind, generation and owner as they are stored.
local function parse_seat(seat)
  return seat:sub(1, 1), struct.unpack('>I4', seat, 2), seat:sub(6, 21)
end

-- Return whether the seat with this record is free now.
local function is_free(seat)
  local kind = seat:sub(1, 1)
  if kind ~= 'H' then return kind == 'F' end
  local deadline = struct.unpack('>I8', seat, 22)
  return deadline ~= 0 and deadline <= now()
end

-- Return kind, generation and owner as of now: a held seat is free the instant its deadline passes.
local function read_seat(row, column)
  local seat = redis.call('HGET', row, column)
  if not seat then return 'F', 0 end
  local kind, generation, owner = parse_seat(seat)
  if kind == 'H' and is_free(seat) then return 'F', generation end
  return kind, generation, owner
end

local function write_seat(row, column, kind, generation, owner)
  redis.call('HSET', row, column, kind .. struct.pack('>I4', generation) .. owner)
end

local function write_held_seat(row, column, generation, hold, deadline)
  write_seat(row, column, 'H', generation, hold .. struct.pack('>I8', deadline))
end

local function free_seat(row, column, generation)
  if generation > 0 then write_seat(row, column, 'F', generation, '') else redis.call('HDEL', row, column) end
end
