-- Takes an interface out of a group, unless a join that it has not read yet is in its inbox.
--
-- ARGV  2 interface  3 group  4 the number up to which it has read
-- keys  interface:<interface>, group:<group> written
-- returns 1, or 0 where such a join waits

local interface, group, read = ARGV[2], ARGV[3], tonumber(ARGV[4])
local join = redis.call('HGET', interface_key(interface), 'join:' .. group)
if join and tonumber(join) > read then return 0 end
redis.call('SREM', group_key(group), interface)
redis.call('HDEL', interface_key(interface), 'join:' .. group)
return 1
