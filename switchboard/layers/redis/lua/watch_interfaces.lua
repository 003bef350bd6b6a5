-- For how long each interface's heartbeat has stood still under the eyes of those who call this, all of them together.
--
-- ARGV  2 milliseconds without any call after which counting begins anew
-- keys  interfaces read; watched written
-- returns pairs: interface, milliseconds

local moment = now()
local looked = tonumber(redis.call('HGET', WATCHED, 'looked') or '')
-- Nobody looked for a while: perhaps nobody could, and no interface could beat either. Nor does a clock go back.
if not looked or moment < looked or moment - looked > tonumber(ARGV[2]) then redis.call('DEL', WATCHED) end

local beats = named(redis.call('HGETALL', INTERFACES))
for name in pairs(named(redis.call('HGETALL', WATCHED))) do
  if not beats[name] then redis.call('HDEL', WATCHED, name) end
end
local answer = {}
for name, beat in pairs(beats) do
  local seen, since = string.match(redis.call('HGET', WATCHED, name) or '', '^(%S+) (%S+)$')
  if seen ~= beat then
    since = moment
    redis.call('HSET', WATCHED, name, string.format('%s %.0f', beat, since))
  end
  answer[#answer + 1] = name
  answer[#answer + 1] = moment - tonumber(since)
end
if #answer > 0 then redis.call('HSET', WATCHED, 'looked', string.format('%.0f', moment)) end
return answer
