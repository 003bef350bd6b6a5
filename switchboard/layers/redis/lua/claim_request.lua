-- Acknowledges an HTTP request before it runs: from now on no other worker gets it.
--
-- ARGV  2 worker  3 channel  4 tag  5 interface of the client  6 the Claimed  7 reply channel of the client
-- keys  stream1:<channel>, sizes, report:<reply channel>, and those of outputs.lua, written
-- returns 1, or 0 where it is not the worker's, or past its time, or its client has left (then it is gone)

local worker, channel, tag = ARGV[2], ARGV[3], ARGV[4]
local stream = stream_key(channel)
if not held(worker, stream, tag) then return 0 end

local entry = redis.call('XRANGE', stream, tag, tag)[1]
local fields = entry and named(entry[2]) or {}
local timeout = tonumber(fields.t)
local queued = tonumber(string.match(tag, '^%d+'))
local late = not entry or (timeout and now() > queued + timeout)
-- Nobody has written anything yet, so what was reported is that the client is gone.
if ARGV[7] ~= '' and redis.call('DEL', report_key(ARGV[7])) == 1 then late = true end
if not late and ARGV[5] ~= '' then
  put('i', ARGV[5], '', ARGV[6])
  send()
end
acknowledge(channel, tag, fields.b or 0)
return late and 0 or 1
