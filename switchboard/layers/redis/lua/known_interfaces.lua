-- All interfaces, once they have been watched for long enough that those which live are among them.
--
-- ARGV  2 milliseconds for which the watch has to have gone on
-- keys  watched, interfaces read
-- returns their names; nil where the watch is younger, was interrupted, or began on other data

local began, server = unpack(redis.call('HMGET', WATCHED, 'began', 'run_id'))
if not began or server ~= run_id() then return nil end
if now() - tonumber(began) < tonumber(ARGV[2]) then return nil end
return redis.call('HKEYS', INTERFACES)
