-- needs: outbox

-- Store a notification of the payment provider, once; tell nobody.
--
-- KEYS[1]     outbox    stream
-- KEYS[2]     epoch     string
-- KEYS[3]     webhooks  stream
-- KEYS[4]     webhook   string with a time to live  this notification was stored before
-- ARGV[1..4]  see lib/outbox.lua
-- ARGV[5..]   notification, how many may wait, seconds that it is remembered
--
-- Returns     {'RECOVERING'} | {'OVERLOADED'}, or {'JUDGED', last position, {'STORED'} | {'REPEATED'}}

local refusal, _, last = judge()
if refusal then return {refusal} end

local webhooks, webhook = KEYS[3], KEYS[4]
local notification, waiting_max, seconds = unpack(ARGV, 5)

if redis.call('EXISTS', webhook) == 1 then return {'JUDGED', last, {'REPEATED'}} end
if redis.call('XLEN', webhooks) >= tonumber(waiting_max) then return {'OVERLOADED'} end

local id = redis.call('XADD', webhooks, 'NOMKSTREAM', '*', 'notification', notification)
if not id then return {'RECOVERING'} end -- nobody would ever read it: only `install` makes stream and group
redis.call('SET', webhook, '', 'EX', seconds)
return {'JUDGED', last, {'STORED'}}
