-- Puts an interface back into groups.
--
-- ARGV  2 interface  3... groups
-- keys  interface:<interface>, group:<each group> written

local interface = ARGV[2]
-- Without an inbox it would be thrown out again by the next group message.
if redis.call('HEXISTS', interface_key(interface), 'last') == 0 then return 0 end
for i = 3, #ARGV do
  redis.call('SADD', group_key(ARGV[i]), interface)
  -- By this field close_inbox knows the group. A join that waits in the inbox keeps its number, for leave.
  redis.call('HSETNX', interface_key(interface), 'join:' .. ARGV[i], 0)
end
return 1
