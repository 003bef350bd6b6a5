-- Puts sockets' messages on their channels, each unless that happened before.
--
-- ARGV  2... for each message: socket, order, channel, envelope, capacity or '' for none, path of a connect
-- keys  socket:<each socket>, stream1:<each channel>, sockets:<interface>, interfaces written
-- returns for each message a value of Enqueued; 'done' is followed by a space and the session, if there is one

local depths = {}     -- stream -> how many messages it has
local function depth(stream)
  depths[stream] = depths[stream] or redis.call('XLEN', stream)
  return depths[stream]
end

local function enqueue(socket, order, channel, envelope, capacity, path)
  local record, stream = socket_key(socket), stream_key(channel)
  local sent, acked, session = unpack(redis.call('HMGET', record, 'sent', 'acked', 'session'))
  if not sent and order > 0 then return 'unknown' end
  if sent and order <= tonumber(acked) then return session and 'done ' .. session or 'done' end
  if sent and order <= tonumber(sent) then return 'queued' end
  if capacity ~= '' and depth(stream) >= tonumber(capacity) then return 'full' end
  if sent then
    redis.call('HSET', record, 'sent', order)
  else
    redis.call('HSET', record, 'sent', order, 'acked', -1, 'path', path)
    list_socket(socket)
  end
  -- The socket and the order stand beside the envelope too: a message that can't be read still has to be acknowledged.
  if session then
    redis.call('XADD', stream, '*', 'e', envelope, 'k', socket, 'o', order, 's', session)
  else
    redis.call('XADD', stream, '*', 'e', envelope, 'k', socket, 'o', order)
  end
  if depths[stream] then depths[stream] = depths[stream] + 1 end
  return 'queued'
end

local answers = {}
for i = 2, #ARGV, 6 do
  answers[#answers + 1] = enqueue(ARGV[i], tonumber(ARGV[i + 1]), unpack(ARGV, i + 2, i + 5))
end
return answers
