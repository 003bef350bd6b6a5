-- Takes the unread reports of requests: of each that has any, the last one.
--
-- ARGV  2… reply channels
-- keys  report:<reply channel> written
--
-- Returns keys and totals, by turns.

local unread = {}
for i = 2, #ARGV do
  local key = report_key(ARGV[i])
  local last = redis.call('LINDEX', key, -1)
  if last then
    redis.call('DEL', key)
    table.insert(unread, key)
    table.insert(unread, last)
  end
end
return unread
