-- Lets outputs leave outside any commit.
--
-- ARGV  2 outputs, packed, envelopes with their channel's capacity
-- keys  those of outputs.lua
-- returns {the channel that is at its capacity, or '', {}}: where one is, nothing was sent; in place of {} a list of
--         {group, members that were full, members}, where only named channels count

local words = cmsgpack.unpack(ARGV[2])
for i = 1, #words, 4 do
  if words[i] == 'e' and not has_room(stream_key(words[i + 1]), words[i + 2], 0) then return {words[i + 1], {}} end
end
put_all(words)
send()
return {'', over_capacity()}
