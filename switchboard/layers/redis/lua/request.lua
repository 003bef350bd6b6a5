-- Puts an HTTP request on its channel, or another message that nobody is to begin late.
--
-- ARGV  2 channel  3 envelope  4 most messages of the channel  5 most bytes of it  6 milliseconds after which nobody is to
--       begin it  7 '1' where messages that nobody is to begin any more make room; not for requests, of which the oldest
--       may be of 4 MB
-- keys  stream1:<channel>, sizes written
-- returns 1, or 0 where the channel is at its capacity

local channel, envelope = ARGV[2], ARGV[3]
local room = ARGV[7] == '1' and make_room or has_room
if not room(channel, ARGV[4], ARGV[5], #envelope) then return 0 end
append(channel, 'e', envelope, #envelope, 't', ARGV[6])
return 1
