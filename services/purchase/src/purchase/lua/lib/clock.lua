-- Redis's clock in ms since 1970; it is read once a call, and only by a call that asks.
local clock

local function now()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return clock
end
