-- Lets outputs leave outside any commit.
--
-- ARGV  2 outputs, packed, envelopes with their channel's capacity
-- keys  those of outputs.lua
-- returns nil, or the channel that is at its capacity: then nothing was sent

local words = cmsgpack.unpack(ARGV[2])
for i = 1, #words, 4 do
  if words[i] == 'e' and redis.call('XLEN', stream_key(words[i + 1])) >= tonumber(words[i + 2]) then
    return words[i + 1]
  end
end
put_all(words)
send()
return nil
