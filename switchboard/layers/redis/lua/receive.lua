-- Takes in what another host had for this one. Each entry counts once, however often it is brought: the other host's
-- ids only grow, and who brings entries begins with the oldest, so the last id that came in tells which are new.
--
-- ARGV  2 place of the other host  3... pairs: id of the entry there, its packed outputs
-- keys  received, and those of outputs.lua, written
-- returns a list of {group, members that were full, members}, as publish.lua

local source = ARGV[2]
local last = redis.call('HGET', RECEIVED, source)

local function is_new(id)
  if not last then return true end
  local ms, count = string.match(id, '(%d+)-(%d+)')
  local last_ms, last_count = string.match(last, '(%d+)-(%d+)')
  ms, count, last_ms, last_count = tonumber(ms), tonumber(count), tonumber(last_ms), tonumber(last_count)
  return ms > last_ms or (ms == last_ms and count > last_count)
end

for i = 3, #ARGV, 2 do
  if is_new(ARGV[i]) then
    put_all(cmsgpack.unpack(ARGV[i + 1]))
    last = ARGV[i]
  end
end
send()
redis.call('HSET', RECEIVED, source, last)
return over_capacity()
