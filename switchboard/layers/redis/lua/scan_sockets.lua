-- The next records of an interface's sockets, of those with nothing under way or of all. All who call this share one
-- cursor, so that each socket is on one page.
--
-- ARGV  2 interface  3 records on a page, about  4 most records looked at  5 milliseconds from the begin of a scan to
--       that of the next  6 1 for all
-- keys  socket:<each of its sockets> read; scan:<interface> written; sockets:<interface> written, if it names a socket
--       that has no record
-- returns nil where the interface has no records, or {1 if the scan goes on, list of rows as those of sockets_of}

local sockets, scan = sockets_key(ARGV[2]), scan_key(ARGV[2])
local most, most_scanned, every, moment = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), now()
local cursor, began = unpack(redis.call('HMGET', scan, 'cursor', 'began'))
began = tonumber(began or '')
if not cursor then
  -- A clock that went back does not hold up the next scan.
  if began and moment >= began and moment - began < every and redis.call('EXISTS', sockets) == 1 then return {0, {}} end
  cursor, began = '0', moment
end

local rows, stray, scanned = {}, {}, 0
repeat
  local page = redis.call('SSCAN', sockets, cursor, 'COUNT', 100)
  cursor = page[1]
  for _, socket in ipairs(page[2]) do
    local sent, acked, session, path = unpack(redis.call('HMGET', socket_key(socket), 'sent', 'acked', 'session', 'path'))
    if not sent then
      stray[#stray + 1] = socket
    elseif sent == acked or ARGV[6] == '1' then
      rows[#rows + 1] = {socket, tonumber(sent), tonumber(acked), session or '', path or ''}
    end
  end
  scanned = scanned + #page[2]
until cursor == '0' or #rows >= most or scanned >= most_scanned
for _, socket in ipairs(stray) do unlist_socket(socket) end

if redis.call('EXISTS', sockets) == 0 then return nil end
redis.call('HSET', scan, 'began', string.format('%.0f', began))
if cursor == '0' then redis.call('HDEL', scan, 'cursor') else redis.call('HSET', scan, 'cursor', cursor) end
redis.call('PEXPIRE', scan, 60000)
return {cursor == '0' and 0 or 1, rows}
