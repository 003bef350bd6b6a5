-- Lets outputs leave outside any commit.
--
-- ARGV  2 most bytes that the inbox of an interface may hold unread with what is for one of its sockets or requests, ''
--       for any number  3 outputs, packed, envelopes with most messages and most bytes of their channel
-- keys  those of outputs.lua
-- returns nil; or {'channel', name} where a channel is full, {'inbox', interface} where an inbox is: then nothing was sent

local window, words = tonumber(ARGV[2]), cmsgpack.unpack(ARGV[3])
local for_channel, for_interface = {}, {}  -- bytes
for i = 1, #words, 4 do
  local kind, name, extra, bytes = words[i], words[i + 1], words[i + 2], #words[i + 3]
  if kind == 'e' then
    local most_messages, most_bytes = string.match(extra, '^(%d+) (%d+)$')
    for_channel[name] = (for_channel[name] or 0) + bytes
    if not has_room(name, most_messages, most_bytes, for_channel[name]) then return {'channel', name} end
  elseif kind == 'i' and window then
    local box = box_of(name)
    for_interface[name] = (for_interface[name] or 0) + bytes
    if box and not box_has_room(name, box, for_interface[name], window) then return {'inbox', name} end
  end
end
put_all(words)
send()
return nil
