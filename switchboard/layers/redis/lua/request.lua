-- Puts an HTTP request on its channel.
--
-- ARGV  2 channel  3 envelope  4 capacity  5 milliseconds after which nobody is to begin it
-- keys  stream1:<channel> written
-- returns 1, or 0 where the channel is at its capacity

local stream = stream_key(ARGV[2])
if redis.call('XLEN', stream) >= tonumber(ARGV[4]) then return 0 end
redis.call('XADD', stream, '*', 'e', ARGV[3], 't', ARGV[5])
return 1
