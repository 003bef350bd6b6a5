-- What workers received and have not renewed for a while.
--
-- ARGV  2 idle milliseconds  3 most rows for each channel  4... channels
-- keys  stream1:<each channel> read
-- returns for each channel a list of {tag, owner, moment of delivery, count}

local found = {}
for i = 4, #ARGV do
  found[#found + 1] = with_moments(function()
    return pending_rows(stream_key(ARGV[i]), WORKERS, 'IDLE', ARGV[2], '-', '+', ARGV[3])
  end)
end
return found
