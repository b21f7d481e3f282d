-- A new hold, of named seats or the best: its checks, and its writes.
--
-- KEYS[3]      event      hash        version, capacities
-- KEYS[4]      sold       hash        zone → seats sold; all → their sum
-- KEYS[5]      customers  hash        customer → seats
-- KEYS[6]      hold       hash
-- KEYS[7]      held       sorted set  the customer's live holds
-- KEYS[8]      due        sorted set
-- KEYS[9..]    rows       hashes      column → seat; then the idempotency key, if any
-- ARGV[5..14]  hold id, version of the event that it was judged by, customer ('': none), seats that
--              a customer may have (0: any number), holds that a customer may have, fingerprint
--              ('': no idempotency key), time to live of a key in seconds, constant part of the
--              hold, deadline, number of seats

local event, sold, customers, hold, held, due = unpack(KEYS, 3, 8)
local id, version, customer, limit, holds_max, fingerprint, key_seconds, constant, deadline = unpack(ARGV, 5, 13)
local wanted = tonumber(ARGV[14])
local key = fingerprint ~= '' and KEYS[#KEYS]

-- Return an earlier decision, or the reason for a refusal; nil if there is neither.
local function refuse_hold(last)
  local seats = redis.call('HGET', hold, 'seats')
  if seats then return {'HELD', last, seats} end
  local stored = key and redis.call('GET', key)
  if stored and stored:sub(1, 16) ~= fingerprint then return {'KEY_REUSED'} end
  if stored then return {'REPLAYED', stored:sub(17)} end

  if redis.call('HGET', event, 'version') ~= version then return {'STALE'} end
  if customer == '' then return nil end
  local has, holds = seats_and_holds(customers, held, customer)
  if tonumber(limit) > 0 and has + wanted > tonumber(limit) then return {'LIMIT'} end
  if holds >= tonumber(holds_max) then return {'HOLDS'} end
  return nil
end

-- Store the hold, whose message has been appended, and assign it its seats, which are free.
local function write_hold(epoch, packed, seats)
  for _, seat in ipairs(seats) do
    local _, generation = read_seat(seat.row, seat.column)
    write_held_seat(seat.row, seat.column, generation, id, deadline)
  end
  redis.call('HSET', hold, 'state', 'HELD', 'version', 1, 'epoch', epoch, 'deadline', deadline, 'attempt', 0,
             'hold', constant, 'seats', packed)
  redis.call('ZADD', due, deadline, 'H' .. id)
  if customer ~= '' then redis.call('ZADD', held, deadline, id .. string.char(#seats)) end
  if key then redis.call('SET', key, fingerprint .. id, 'EX', key_seconds) end
end
