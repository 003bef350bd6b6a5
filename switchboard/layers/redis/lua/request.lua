-- Puts an HTTP request on its channel.
--
-- ARGV  2 channel  3 envelope  4 most messages of the channel  5 most bytes of it  6 milliseconds after which nobody is to
--       begin it
-- keys  stream1:<channel>, sizes written
-- returns 1, or 0 where the channel is at its capacity

local channel, envelope = ARGV[2], ARGV[3]
if not has_room(channel, ARGV[4], ARGV[5], #envelope) then return 0 end
append(channel, envelope, #envelope, 't', ARGV[6])
return 1
