-- Whether a named channel takes another message.
--
-- ARGV  2 channel  3 most messages of it  4 most bytes of it
-- keys  stream1:<channel> read; sizes written, where it has to be counted again
-- returns 1 or 0

return has_room(ARGV[2], ARGV[3], ARGV[4], 1) and 1 or 0
