-- Lets outputs leave outside any commit.
--
-- ARGV  2... outputs, envelopes with their channel's capacity
-- keys  those of outputs.lua
-- returns nil, or the channel that is at its capacity: then nothing was sent

for i = 2, #ARGV, 4 do
  if ARGV[i] == 'e' and redis.call('XLEN', stream_key(ARGV[i + 1])) >= tonumber(ARGV[i + 2]) then
    return ARGV[i + 1]
  end
end
put_all(2, #ARGV)
send()
return nil
