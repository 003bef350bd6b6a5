-- Acknowledges messages, one after the other, and lets the outputs of each leave. One that is given up becomes a dead
-- letter.
--
-- ARGV  2 worker  3 most dead letters  4 the messages, packed, each a list of
--       channel, tag, its field b or 0, socket ('' for a message of none), order, new session ('' for none), '1' for a disconnect,
--       the Ack, the Ack for an order that was acknowledged before, the dead letter ('' for none), its reason,
--       the outputs as one list
-- keys  stream1:<channel>, sizes, socket:<socket>, sockets:<interface>, deadletters, and those of outputs.lua, written
-- returns for each 1, or 0 where the worker does not own the entry (any more)

local worker, most_letters = ARGV[2], ARGV[3]

local function commit(channel, tag, bytes, socket, order, session, disconnects, ack, late, letter, reason, outputs)
  local stream = stream_key(channel)
  if not held(worker, stream, tag) then return 0 end
  local fresh = true
  if socket == '' then
    put_all(outputs)
    send()
  else
    local record = socket_key(socket)
    local acked = redis.call('HGET', record, 'acked')
    fresh = not acked or tonumber(order) > tonumber(acked)
    if fresh then put_all(outputs) end
    put('i', interface_of(socket), '', fresh and ack or late)
    send(socket, order)
    if disconnects == '1' then
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
  acknowledge(channel, tag, bytes)
  return 1
end

local answers = {}
for place, words in ipairs(cmsgpack.unpack(ARGV[4])) do answers[place] = commit(unpack(words)) end
return answers
