-- Takes back the attempt that begin.lua counted.
--
-- ARGV  2 worker  3 channel  4 tag
-- keys  stream1:<channel> written

local stream = stream_key(ARGV[3])
local row = held(ARGV[2], stream, ARGV[4])
if row then renew(ARGV[2], stream, ARGV[4], 'RETRYCOUNT', math.max(row[4] - 1, 1)) end
return 1
