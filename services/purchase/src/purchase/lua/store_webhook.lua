-- needs: outbox

-- Store a notification of the payment provider, once. No message.
--
-- KEYS[1]     outbox    stream
-- KEYS[2]     epoch     string
-- KEYS[3]     webhooks  stream
-- KEYS[4]     webhook   string with a time to live: this notification has been stored before
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   notification, how many may be stored, time to live of the string in seconds
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'STORED'} |
--             {'REPEATED'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local webhooks, webhook = KEYS[3], KEYS[4]
local notification, waiting_max, seconds = unpack(ARGV, 5)

if redis.call('EXISTS', webhook) == 1 then return {'JUDGED', last, {'REPEATED'}} end
if redis.call('XLEN', webhooks) >= tonumber(waiting_max) then return {'OVERLOADED'} end

local id = redis.call('XADD', webhooks, 'NOMKSTREAM', '*', 'notification', notification)
-- Only `install` creates the stream with its consumer group; without them nobody would read it.
if not id then return {'RECOVERING'} end
redis.call('SET', webhook, '', 'EX', seconds)
return {'JUDGED', last, {'STORED'}}
