-- Tells a request's worker how much of the response has been written.
--
-- ARGV  2 reply channel  3 total  4 seconds after which unread reports are forgotten
-- keys  report:<reply channel> written

redis.call('RPUSH', report_key(ARGV[2]), ARGV[3])
redis.call('EXPIRE', report_key(ARGV[2]), ARGV[4])
return 1
