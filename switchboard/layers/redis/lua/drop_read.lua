-- Drops the entries of an inbox that its interface has taken.
--
-- ARGV  2 interface  3 the number up to which it has taken them
-- keys  inbox1:<interface>, interface:<interface> written
-- returns 1, or 0 where the inbox is gone

if redis.call('HEXISTS', interface_key(ARGV[2]), 'last') == 0 then return 0 end
drop_read(ARGV[2], tonumber(ARGV[3]))
return 1
