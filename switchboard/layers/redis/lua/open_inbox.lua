-- Makes the empty inbox of a new interface.
--
-- ARGV  2 interface  3 most bytes that it may hold unread
-- keys  inbox1:<interface> removed; interface:<interface>, interfaces written
-- returns {0, run_id}

local interface = ARGV[2]
redis.call('DEL', inbox_key(interface), interface_key(interface))
redis.call('HSET', interface_key(interface), 'last', 0, 'bytes', 0, 'dropped', 0, 'limit', ARGV[3])
mark_alive(interface)
return {0, run_id()}
