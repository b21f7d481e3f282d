-- needs: outbox clock seat ticket capacity customer

-- Sell the seats of many orders, each order wholly or not at all, and append a message for each.
--
-- KEYS[1]     outbox  stream
-- KEYS[2]     epoch   string
-- KEYS[3..]   each once. Hashes: events (version, capacities), sold (per zone; all → their sum),
--             customers (→ seats), rows (column → seat), ticket buckets (id → ticket). Sorted sets:
--             live holds of a customer (lib/customer.lua). Strings: idempotency keys (fingerprint,
--             ticket id)
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   per order: places in KEYS of event, sold, customers, live holds of its customer (0:
--             the event has no limit), row, bucket and idempotency key (0: none); zone, column,
--             ticket id, version of the event that it was judged by, ticket, customer ('': none),
--             seats that a customer may have, fingerprint, time to live of a key in seconds,
--             message
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, per order one of
--             {'SOLD', position, generation} | {'REPLAYED', ticket id} | {'KEY_REUSED'} | {'STALE'}
--             | {'LIMIT'} | {'TAKEN'} | {'ZONE_FULL'} | {'EVENT_FULL'}}
--
-- The call is judged first; then each order in turn: an earlier decision, its checks, its message,
-- its other writes. Redis does not roll back, so nothing after the message can fail.

local refusal, epoch, last = judge()
if refusal then return {refusal} end

local function key_at(place)
  return KEYS[tonumber(place)]
end

local function sell(event, sold, customers, held, row, bucket, key,
                    zone, column, id, version, ticket, customer, limit, fingerprint, key_seconds, message)

  local state, own_generation = read_ticket(bucket, id)
  if state then return {'SOLD', last, own_generation} end
  if key then
    local stored = redis.call('GET', key)
    if stored and stored:sub(1, 16) ~= fingerprint then return {'KEY_REUSED'} end
    if stored then return {'REPLAYED', stored:sub(17)} end
  end

  if redis.call('HGET', event, 'version') ~= version then return {'STALE'} end
  if held and seats_and_holds(customers, held, customer) >= tonumber(limit) then return {'LIMIT'} end
  local kind, generation = read_seat(row, column)
  if kind ~= 'F' then
    if is_full(event, sold, 'all') then return {'EVENT_FULL'} end
    if is_full(event, sold, zone) then return {'ZONE_FULL'} end
    return {'TAKEN'}
  end

  generation = generation + 1
  last = append(epoch, message, generation)
  write_seat(row, column, 'S', generation, id)
  write_ticket(bucket, id, 'P', generation, ticket)
  redis.call('HINCRBY', sold, zone, 1)
  redis.call('HINCRBY', sold, 'all', 1)
  if customer ~= '' then redis.call('HINCRBY', customers, customer, 1) end
  if key then redis.call('SET', key, fingerprint .. id, 'EX', key_seconds) end
  return {'SOLD', last, generation}
end

local answers = {}
for first = 5, #ARGV, 17 do
  answers[#answers + 1] = sell(
    key_at(ARGV[first]), key_at(ARGV[first + 1]), key_at(ARGV[first + 2]),
    key_at(ARGV[first + 3]), key_at(ARGV[first + 4]), key_at(ARGV[first + 5]), key_at(ARGV[first + 6]),
    unpack(ARGV, first + 7, first + 16))
end
return {'JUDGED', last, answers}
