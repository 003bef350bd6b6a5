-- Removes an interface: its inbox, its memberships and, once none of its sockets has a record, its heartbeat. As long
-- as there are records, the heartbeat that stands still has the reaper come for them.
--
-- ARGV  2 interface
-- keys  inbox1:<interface>, interface:<interface>, scan:<interface> removed; group:<each it is in>, interfaces written;
--       sockets:<interface> read

local interface = ARGV[2]
remove_inbox(interface)
redis.call('DEL', scan_key(interface))
if redis.call('EXISTS', sockets_key(interface)) == 0 then redis.call('HDEL', INTERFACES, interface) end
return 1
