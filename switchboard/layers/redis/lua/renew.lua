-- Keeps hold of messages.
--
-- ARGV  2 worker  3... pairs of channel and tag
-- keys  stream1:<each channel> written
-- returns the places (from 0) of the pairs that are the worker's no longer

local lost = {}
for i = 3, #ARGV, 2 do
  local stream, tag = stream_key(ARGV[i]), ARGV[i + 1]
  if held(ARGV[2], stream, tag) then
    renew(ARGV[2], stream, tag)
  else
    lost[#lost + 1] = (i - 3) / 2
  end
end
return lost
