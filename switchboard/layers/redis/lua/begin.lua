-- Decides whether a redelivered message is to run, and counts the attempt: the delivery count of the entry is 1 from
-- its first delivery, this alone raises it, and forgive.lua alone lowers it.
--
-- ARGV  2 worker  3 channel  4 tag  5 socket, '' for none  6 order  7 the Ack
-- keys  stream1:<channel>, sizes, and those of outputs.lua, written; socket:<socket> read
-- returns {value of Begun, number of the attempt}

local worker, channel, tag, socket, order = unpack(ARGV, 2, 6)
local stream = stream_key(channel)
local row = held(worker, stream, tag)
if not row then return {'lost', 0} end

local acked = socket ~= '' and redis.call('HGET', socket_key(socket), 'acked')
if acked and tonumber(order) <= tonumber(acked) then
  -- Said once more: where the first Ack was lost, the socket would wait for ever.
  put('i', interface_of(socket), '', ARGV[7])
  send(socket, order)
  acknowledge(channel, tag, bytes_of(channel, tag))
  return {'handled', 0}
end
renew(worker, stream, tag, 'RETRYCOUNT', row[4] + 1)
return {'run', row[4]}
