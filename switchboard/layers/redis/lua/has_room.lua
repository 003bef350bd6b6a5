-- Whether a channel that was full has room, perhaps by losing what nobody is to begin any more.
--
-- ARGV  2 channel  3 capacity
-- keys  stream1:<channel> written
-- returns 1 or 0

return has_room(stream_key(ARGV[2]), ARGV[3], 0) and 1 or 0
