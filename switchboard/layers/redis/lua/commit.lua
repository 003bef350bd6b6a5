-- Acknowledges a message and lets its outputs leave. If the message is given up it becomes a dead letter.
--
-- ARGV  2 worker  3 channel  4 tag  5 socket, '' for a message of none  6 order  7 new session, '' for none
--       8 '1' for a disconnect  9 the Ack  10 the Ack for an order that was acknowledged before
--       11 the dead letter, '' for none  12 its reason  13 most dead letters  14... outputs
-- keys  stream1:<channel>, socket:<socket>, sockets:<interface>, deadletters, and those of outputs.lua, written
-- returns 1, or 0 where the worker does not own the entry (any more)

local worker, channel, tag, socket, order, session = unpack(ARGV, 2, 7)
local letter, reason, most_letters = unpack(ARGV, 11, 13)
local stream = stream_key(channel)
if not held(worker, stream, tag) then return 0 end

local fresh = true
if socket == '' then
  put_all(14)
  send()
else
  local record = socket_key(socket)
  local acked = redis.call('HGET', record, 'acked')
  fresh = not acked or tonumber(order) > tonumber(acked)
  if fresh then put_all(14) end
  put('i', interface_of(socket), '', fresh and ARGV[9] or ARGV[10])
  send(socket, order)
  if ARGV[8] == '1' then
    redis.call('DEL', record)
    unlist_socket(socket)
  elseif acked and fresh then
    redis.call('HSET', record, 'acked', order)
    if session ~= '' then redis.call('HSET', record, 'session', session) end
  end
end
if letter ~= '' and fresh then
  redis.call('XADD', DEAD_LETTERS, 'MAXLEN', most_letters, '*',
             'c', channel, 'e', letter, 'r', reason, 'k', socket, 'o', order)
end
acknowledge(stream, tag)
return 1
