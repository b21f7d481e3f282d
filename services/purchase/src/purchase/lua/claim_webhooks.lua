-- Claim notifications: new ones, and those whose last delivery failed long enough ago.
--
-- KEYS[1]  webhooks  stream with a consumer group
-- ARGV[1]  group
-- ARGV[2]  how many at most
-- ARGV[3]  idle time in ms before a redelivery; it doubles with each delivery, up to
-- ARGV[4]  so many ms
-- ARGV[5]  first id of the idle deliveries to examine ('-': the first of all)
--
-- Returns  the first id to examine next time; then, for each claimed one, its id, the notification
--          and its number of deliveries
--
-- All processes are one consumer: a process that dies leaves only idle deliveries, which any
-- process may claim. A handled notification is deleted, so an empty stream has none; it is left
-- untouched.

local LOOKED_AT = 100
local webhooks = KEYS[1]
local group, claimed_max, idle_ms, idle_ms_max, start = unpack(ARGV)

if redis.call('XLEN', webhooks) == 0 then return {'-'} end

local pending = redis.call('XPENDING', webhooks, group, 'IDLE', idle_ms, start, '+', LOOKED_AT)
local answer = {start}
local room = tonumber(claimed_max)

for _, delivery in ipairs(pending) do
  local id, _, idle, deliveries = unpack(delivery)
  if room > 0 and idle >= math.min(idle_ms * 2 ^ (deliveries - 1), idle_ms_max) then
    local entry = redis.call('XCLAIM', webhooks, group, 'purchase', idle_ms, id)[1]
    if entry then
      answer[#answer + 1] = {id, entry[2][2], deliveries + 1}
      room = room - 1
    end
  end
end

if room > 0 then answer[1] = #pending < LOOKED_AT and '-' or '(' .. pending[#pending][1] end
local new = room > 0 and redis.call('XREADGROUP', 'GROUP', group, 'purchase', 'COUNT', room, 'STREAMS', webhooks, '>')
for _, entry in ipairs(new and new[1][2] or {}) do
  answer[#answer + 1] = {entry[1], entry[2][2], 1}
end
return answer
