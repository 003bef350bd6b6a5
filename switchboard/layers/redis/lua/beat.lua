-- Renews an interface's lease and drops the inbox entries that it has read.
--
-- ARGV  2 interface  3 the number up to which it has read
-- keys  interface:<interface>, inbox1:<interface>, interfaces written
-- returns {number of the last entry, run_id}; where the inbox is gone 'removed', if it was removed because it had
-- outgrown its limit, or nil

local interface, read = ARGV[2], tonumber(ARGV[3])
local last, removed = unpack(redis.call('HMGET', interface_key(interface), 'last', 'removed'))
if not last then return removed and 'removed' or nil end
drop_read(interface, read)
mark_alive(interface)
return {tonumber(last), run_id()}
