-- Removes an interface: its inbox, its memberships, its heartbeat. Its sockets' records stay.
--
-- ARGV  2 interface
-- keys  inbox1:<interface>, interface:<interface> removed; group:<each it is in>, interfaces written

local interface = ARGV[2]
for _, field in ipairs(redis.call('HKEYS', interface_key(interface))) do
  local group = string.match(field, '^join:(.*)$')
  if group then redis.call('SREM', group_key(group), interface) end
end
redis.call('DEL', inbox_key(interface), interface_key(interface))
redis.call('HDEL', INTERFACES, interface)
return 1
