-- Whether a named channel takes another message, perhaps because it loses what nobody is to begin any more.
--
-- ARGV  2 channel  3 most messages of it  4 most bytes of it
-- keys  stream1:<channel>, sizes written
-- returns 1 or 0

return make_room(ARGV[2], ARGV[3], ARGV[4], 1) and 1 or 0
