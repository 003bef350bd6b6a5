-- Puts sockets' messages on their channels, each unless that happened before.
--
-- ARGV  2... for each message: socket, order, channel, envelope, most messages of the channel or '' for any number, most
--       bytes of it, path of a connect
-- keys  socket:<each socket>, stream1:<each channel>, sizes, sockets:<interface>, interfaces written
-- returns for each message a value of Enqueued; 'done' is followed by a space and the session, if there is one

local function enqueue(socket, order, channel, envelope, most_messages, most_bytes, path)
  local record = socket_key(socket)
  local sent, acked, session = unpack(redis.call('HMGET', record, 'sent', 'acked', 'session'))
  if not sent and order > 0 then return 'unknown' end
  if sent and order <= tonumber(acked) then return session and 'done ' .. session or 'done' end
  if sent and order <= tonumber(sent) then return 'queued' end
  local bytes = #envelope + (session and #session or 0)
  if most_messages ~= '' and not has_room(channel, most_messages, most_bytes, bytes) then return 'full' end
  if sent then
    redis.call('HSET', record, 'sent', order)
  else
    redis.call('HSET', record, 'sent', order, 'acked', -1, 'path', path)
    list_socket(socket)
  end
  -- The socket and the order stand beside the envelope too: a message that can't be read still has to be acknowledged.
  if session then
    append(channel, envelope, bytes, 'k', socket, 'o', order, 's', session)
  else
    append(channel, envelope, bytes, 'k', socket, 'o', order)
  end
  return 'queued'
end

local answers = {}
for i = 2, #ARGV, 7 do
  answers[#answers + 1] = enqueue(ARGV[i], tonumber(ARGV[i + 1]), unpack(ARGV, i + 2, i + 6))
end
return answers
