-- Makes a pending message another worker's, if it is still as it was seen.
--
-- ARGV  2 worker  3 channel  4 tag  5 owner  6 moment of delivery, as pending.lua gave it
-- keys  stream1:<channel> written
-- returns the fields of the entry, or nil

local stream, tag = stream_key(ARGV[3]), ARGV[4]
local row = with_moments(function() return pending_rows(stream, WORKERS, tag, tag, 1) end)[1]
if not row or row[2] ~= ARGV[5] or row[3] ~= tonumber(ARGV[6]) then return nil end
local entry = redis.call('XRANGE', stream, tag, tag)[1]
if not entry then
  -- Deleted by someone else's hand. XCLAIM differs between 6.2 and 7.0 here, so it is not asked.
  redis.call('XACK', stream, WORKERS, tag)
  return nil
end
-- JUSTID: a change of hands is no attempt; begin.lua counts those.
renew(ARGV[2], stream, tag)
return entry[2]
