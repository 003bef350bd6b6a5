-- Makes the consumer groups of streams, where they are missing.
--
-- ARGV  2... channels
-- keys  stream1:<each channel>, channels written

for i = 2, #ARGV do
  -- From 0, not $: what was sent before anybody listened waits for us.
  local made = redis.pcall('XGROUP', 'CREATE', stream_key(ARGV[i]), WORKERS, '0', 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then error(made.err) end
  redis.call('SADD', CHANNELS, ARGV[i])
end
return 1
