-- Puts an HTTP request on its channel, or another message that nobody is to begin late.
--
-- ARGV  2 channel  3 envelope  4 capacity  5 milliseconds after which nobody is to begin it
--       6 '1' where messages that nobody is to begin any more make room; not for requests, of which the oldest may be of 4 MB
-- keys  stream1:<channel> written
-- returns 1, or 0 where the channel is at its capacity

local stream = stream_key(ARGV[2])
local depth, capacity = redis.call('XLEN', stream), tonumber(ARGV[4])
if depth >= capacity and not (ARGV[6] == '1' and has_room(stream, capacity, 0)) then return 0 end
redis.call('XADD', stream, '*', 'e', ARGV[3], 't', ARGV[5])
return 1
