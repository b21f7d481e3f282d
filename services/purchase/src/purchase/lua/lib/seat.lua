-- A seat in its row: one byte kind ('S' sold, 'F' free with a history), four bytes generation, then the owner's ticket id.

local function read_seat(row, column)
  local seat = redis.call('HGET', row, column)
  if not seat then return 'F', 0 end
  return seat:sub(1, 1), struct.unpack('>I4', seat, 2), seat:sub(6)
end

local function write_seat(row, column, kind, generation, owner)
  redis.call('HSET', row, column, kind .. struct.pack('>I4', generation) .. owner)
end
