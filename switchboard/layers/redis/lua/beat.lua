-- Renews an interface's lease and drops the inbox entries that it has read.
--
-- ARGV  2 interface  3 the number up to which it has read
-- keys  interface:<interface> read; inbox1:<interface>, interfaces written
-- returns {number of the last entry, run_id}, or nil where the inbox is gone

local interface, read = ARGV[2], tonumber(ARGV[3])
local last = redis.call('HGET', interface_key(interface), 'last')
if not last then return nil end
redis.call('XTRIM', inbox_key(interface), 'MINID', string.format('%.0f-0', read + 1))
mark_alive(interface)
return {tonumber(last), run_id()}
