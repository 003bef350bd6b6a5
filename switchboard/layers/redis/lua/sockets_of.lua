-- Records of an interface's sockets: those with nothing under way first.
--
-- ARGV  2 interface  3 most of them
-- keys  socket:<each of its sockets> read; sockets:<interface> written, if it names a socket that has no record
-- returns a list of {socket, sent, acked, session or '', path}

local most = tonumber(ARGV[3])
local idle, busy, stray, cursor = {}, {}, {}, '0'
repeat
  local page = redis.call('SSCAN', sockets_key(ARGV[2]), cursor, 'COUNT', 200)
  cursor = page[1]
  for _, socket in ipairs(page[2]) do
    local sent, acked, session, path = unpack(redis.call('HMGET', socket_key(socket), 'sent', 'acked', 'session', 'path'))
    if sent then
      local list = sent == acked and idle or busy
      if #list < most then list[#list + 1] = {socket, tonumber(sent), tonumber(acked), session or '', path or ''} end
    else
      stray[#stray + 1] = socket
    end
  end
until cursor == '0' or #idle == most
for _, socket in ipairs(stray) do unlist_socket(socket) end
for _, row in ipairs(busy) do
  if #idle == most then break end
  idle[#idle + 1] = row
end
return idle
