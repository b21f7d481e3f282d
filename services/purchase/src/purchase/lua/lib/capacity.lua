-- Return whether every seat of a zone, or of the event ('all'), is sold.
local function is_full(event, sold, zone)
  local capacity = zone == 'all' and 'capacity' or 'capacity:' .. zone
  return tonumber(redis.call('HGET', sold, zone) or 0) >= tonumber(redis.call('HGET', event, capacity) or 0)
end
