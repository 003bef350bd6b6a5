-- Puts a dead letter on the channel that its message came from.
--
-- ARGV  2 tag
-- keys  deadletters, stream1:<channel>, sizes written
-- returns 1, or 0 where there is no such dead letter

local entry = redis.call('XRANGE', DEAD_LETTERS, ARGV[2], ARGV[2])[1]
if not entry then return 0 end
local fields = named(entry[2])
append(fields.c, fields.e, #fields.e)
redis.call('XDEL', DEAD_LETTERS, ARGV[2])
return 1
