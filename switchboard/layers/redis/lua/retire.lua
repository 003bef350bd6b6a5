-- Forgets a worker. Removing a consumer throws away what it holds, so where it holds something it stays, and its
-- heartbeat stays with it: standing still, it says that there is a worker to be forgotten.
--
-- ARGV  2 worker  3... channels; others that it may have read are known here
-- keys  stream1:<each channel>, workers written; channels read

local worker = ARGV[2]
local channels = redis.call('SMEMBERS', CHANNELS)
for i = 3, #ARGV do channels[#channels + 1] = ARGV[i] end
local holds = false
for _, channel in ipairs(channels) do
  local stream = stream_key(channel)
  if #pending_rows(stream, WORKERS, '-', '+', 1, worker) > 0 then
    holds = true
  else
    -- No such group or stream: nothing to forget.
    redis.pcall('XGROUP', 'DELCONSUMER', stream, WORKERS, worker)
  end
end
if not holds then redis.call('HDEL', BEATS, worker) end
return 1
