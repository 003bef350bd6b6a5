-- Forgets a worker that holds nothing. Removing a consumer throws away what it holds, so one that does stays.
--
-- ARGV  2 worker  3... channels
-- keys  stream1:<each channel>, workers written

redis.call('HDEL', BEATS, ARGV[2])
for i = 3, #ARGV do
  local stream = stream_key(ARGV[i])
  if #pending_rows(stream, WORKERS, '-', '+', 1, ARGV[2]) == 0 then
    -- No such group or stream: nothing to forget.
    redis.pcall('XGROUP', 'DELCONSUMER', stream, WORKERS, ARGV[2])
  end
end
return 1
