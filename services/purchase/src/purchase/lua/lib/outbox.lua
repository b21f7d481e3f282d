-- The outbox is the partition's clock: the ids of its messages are the positions, without gaps
-- within an epoch.

-- Judge a call once, before any write: the epoch must be the caller's, the last position not behind
-- the caller's, and the outbox must have room.
--
-- KEYS[1]  outbox  stream
-- KEYS[2]  epoch   string
-- ARGV[1]  epoch
-- ARGV[2]  epoch and
-- ARGV[3]  sequence of the highest position that the caller has seen
-- ARGV[4]  how many messages the outbox may have
--
-- Returns  nil, the epoch and the last position; or the word that refuses the call
local function judge()
  local epoch, seen_epoch, seen_sequence, bound = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  if redis.call('GET', KEYS[2]) ~= epoch then return 'RECOVERING' end
  local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if stream.err then return 'RECOVERING' end
  local facts = {}
  for place = 1, #stream, 2 do facts[stream[place]] = stream[place + 1] end
  local last = facts['last-generated-id']
  local last_epoch, last_sequence = last:match('(%d+)-(%d+)')
  last_epoch, last_sequence = tonumber(last_epoch), tonumber(last_sequence)
  if last_epoch < seen_epoch or (last_epoch == seen_epoch and last_sequence < seen_sequence) then return 'RECOVERING' end
  if last_epoch > tonumber(epoch) then return 'RECOVERING' end
  if facts.length >= bound then return 'OVERLOADED' end
  return nil, epoch, last
end

-- Append a message and return its position. It must be the first write of an order, because it is
-- the only one that can fail.
local function append(epoch, message, generation)
  return redis.call('XADD', KEYS[1], 'NOMKSTREAM', epoch .. '-*', 'message', message, 'generation', generation or '')
end
