-- Puts a socket's message on its channel, unless that happened before.
--
-- ARGV  2 socket  3 order  4 channel  5 envelope  6 capacity, '' for none  7 path of a connect
-- keys  socket:<socket>, stream1:<channel>, sockets:<interface>, interfaces written
-- returns {value of Enqueued, session or '' where it is 'done'}

local socket, order, channel, envelope, capacity = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local record, stream = socket_key(socket), stream_key(channel)
local sent, acked, session = unpack(redis.call('HMGET', record, 'sent', 'acked', 'session'))
if not sent and order > 0 then return {'unknown', ''} end
if sent and order <= tonumber(acked) then return {'done', session or ''} end
if sent and order <= tonumber(sent) then return {'queued', ''} end
if capacity ~= '' and redis.call('XLEN', stream) >= tonumber(capacity) then return {'full', ''} end
if sent then
  redis.call('HSET', record, 'sent', order)
else
  redis.call('HSET', record, 'sent', order, 'acked', -1, 'path', ARGV[7])
  list_socket(socket)
end
-- The socket and the order stand beside the envelope too: a message that can't be read still has to be acknowledged.
if session then
  redis.call('XADD', stream, '*', 'e', envelope, 'k', socket, 'o', order, 's', session)
else
  redis.call('XADD', stream, '*', 'e', envelope, 'k', socket, 'o', order)
end
return {'queued', ''}
