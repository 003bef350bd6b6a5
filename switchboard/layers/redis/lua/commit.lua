-- Acknowledges a message and lets its outputs leave.
--
-- ARGV  2 worker  3 channel  4 tag  5 socket, '' for a message of none  6 order  7 new session, '' for none
--       8 '1' for a disconnect  9 the Ack  10 the Ack for an order that was acknowledged before  11... outputs
-- keys  stream1:<channel>, socket:<socket>, and those of outputs.lua, written
-- returns 1, or 0 where the worker does not own the entry (any more)

local worker, channel, tag, socket, order, session = unpack(ARGV, 2, 7)
local stream = stream_key(channel)
if not held(worker, stream, tag) then return 0 end

if socket == '' then
  put_all(11)
  send()
else
  local record = socket_key(socket)
  local acked = redis.call('HGET', record, 'acked')
  local fresh = not acked or tonumber(order) > tonumber(acked)
  if fresh then put_all(11) end
  put('i', string.match(socket, '^[^!]*'), '', fresh and ARGV[9] or ARGV[10])
  send(socket, order)
  if ARGV[8] == '1' then
    redis.call('DEL', record)
  elseif acked and fresh then
    redis.call('HSET', record, 'acked', order)
    if session ~= '' then redis.call('HSET', record, 'session', session) end
  end
end
acknowledge(stream, tag)
return 1
