-- For how long each interface's heartbeat has stood still under the eyes of those who call this, all of them together.
--
-- ARGV  2 milliseconds without any call after which counting begins anew
-- keys  interfaces read; watched written
-- returns pairs: interface, milliseconds

local WATCH = {looked = true, began = true, run_id = true}  -- fields of `watched` that are no interface

local moment, unbroken = now(), tonumber(ARGV[2])
local looked, server = unpack(redis.call('HMGET', WATCHED, 'looked', 'run_id'))
looked = tonumber(looked or '')
-- Nobody looked for a while: perhaps nobody could, and no interface could beat either. Nor does a clock go back.
if not looked or moment < looked or moment - looked > unbroken then
  redis.call('DEL', WATCHED)
  server = nil
end
-- Data that came from elsewhere, as from a file, may lack interfaces that have yet to make themselves known again.
if server ~= run_id() then
  redis.call('HSET', WATCHED, 'began', string.format('%.0f', moment), 'run_id', run_id())
end

local beats = named(redis.call('HGETALL', INTERFACES))
for name in pairs(named(redis.call('HGETALL', WATCHED))) do
  if not beats[name] and not WATCH[name] then redis.call('HDEL', WATCHED, name) end
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
redis.call('HSET', WATCHED, 'looked', string.format('%.0f', moment))
redis.call('PEXPIRE', WATCHED, math.max(unbroken, 1))
return answer
