-- Brings back records that the server lost, or has in an older state. What is whole stays as it is.
--
-- ARGV  2... for each socket: its name, acked, session or '', path
-- keys  socket:<each socket>, sockets:<interface>, interfaces written

for i = 2, #ARGV, 4 do
  local socket, acked, session, path = unpack(ARGV, i, i + 3)
  local record = socket_key(socket)
  local had_sent, had_acked = unpack(redis.call('HMGET', record, 'sent', 'acked'))
  if not had_sent or tonumber(acked) > tonumber(had_acked) then
    local sent = math.max(tonumber(acked), tonumber(had_sent or acked))
    redis.call('HSET', record, 'sent', sent, 'acked', acked, 'path', path)
    if session ~= '' then redis.call('HSET', record, 'session', session) else redis.call('HDEL', record, 'session') end
  end
  list_socket(socket)
end
return 1
