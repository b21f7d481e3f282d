-- Buy another seat with every request, in a venue of 100 zones × 30 rows × 26 columns, and print
-- the figures as JSON in the last line.
--
-- Arguments  event id [· `keyed`: each purchase has its own customer and Idempotency-Key]

local ZONES, ROWS, COLUMNS = 100, 30, 26
local SEATS = ZONES * ROWS * COLUMNS
local STRIDE = 7919 -- coprime to SEATS: every seat is visited once, scattered over the venue

local BARE = '{"venueId":"Venue1","eventId":"%s","zoneId":%d,"row":"%d","column":"%s"}'
local KEYED = '{"venueId":"Venue1","eventId":"%s","zoneId":%d,"row":"%d","column":"%s","customerId":"%s"}'

local event, keyed
local sent = 0

function init(arguments)
  event, keyed = arguments[1], arguments[2] == 'keyed'
end

function request()
  if sent == SEATS then
    wrk.thread:stop()
  end
  local place = sent * STRIDE % SEATS
  local zone = math.floor(place / (ROWS * COLUMNS)) + 1
  local row = math.floor(place / COLUMNS) % ROWS + 1
  local column = string.char(97 + place % COLUMNS)
  sent = sent + 1

  local headers = {['Content-Type'] = 'application/json'}
  if not keyed then
    return wrk.format('POST', '/api/v1/tickets', headers, BARE:format(event, zone, row, column))
  end
  local customer = string.format('%08x-0000-4000-8000-%012x', sent, sent)
  headers['Idempotency-Key'] = customer
  return wrk.format('POST', '/api/v1/tickets', headers, KEYED:format(event, zone, row, column, customer))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"answers":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
