-- What every script begins with.
--
-- ARGV[1]  the prefix of all keys
--
-- Names of keys are built here and in keys.py, from the same table (see the package's docstring). KEYS stays empty:
-- which inboxes a group message reaches is known only in here, so a Redis Cluster, which wants every key declared,
-- can't run this.

local PREFIX = ARGV[1]
local WORKERS = 'workers'

local function stream_key(channel) return PREFIX .. ':stream1:' .. channel end
local function inbox_key(interface) return PREFIX .. ':inbox1:' .. interface end
local function interface_key(interface) return PREFIX .. ':interface:' .. interface end
local function socket_key(socket) return PREFIX .. ':socket:' .. socket end
local function group_key(group) return PREFIX .. ':group:' .. group end
local function group_channels_key(group) return PREFIX .. ':groupchannels:' .. group end
local function sockets_key(interface) return PREFIX .. ':sockets:' .. interface end
local function scan_key(interface) return PREFIX .. ':scan:' .. interface end
local function outgoing_key(host) return PREFIX .. ':outgoing1:' .. host end
local function report_key(channel) return PREFIX .. ':report:' .. channel end
local INTERFACES = PREFIX .. ':interfaces'
local WATCHED = PREFIX .. ':watched'
local BEATS = PREFIX .. ':workers'
local CHANNELS = PREFIX .. ':channels'
local SIZES = PREFIX .. ':sizes'
local DEAD_LETTERS = PREFIX .. ':deadletters'
local RECEIVED = PREFIX .. ':received'

-- The interface that holds a socket.
local function interface_of(socket) return string.match(socket, '^[^!]*') end

-- The fields of a stream's entry by their names.
local function named(fields)
  local found = {}
  for i = 1, #fields, 2 do found[fields[i]] = fields[i + 1] end
  return found
end

-- Milliseconds of the server's clock, which also made the ids of the streams.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- XPENDING, without an error where the stream or its consumer group is gone.
local function pending_rows(...)
  local rows = redis.pcall('XPENDING', ...)
  if rows.err then
    if string.find(rows.err, 'NOGROUP', 1, true) then return {} end
    error(rows.err)
  end
  return rows
end

-- Runs `look`, which returns rows {id, owner, idle, count}, and turns idle into the moment of the delivery. XPENDING
-- and TIME read the clock one after the other; where it ticked in between, that moment would be a millisecond off and
-- look as if the owner had renewed. So: look again.
local function with_moments(look)
  local rows, before
  for _ = 1, 10 do
    before = now()
    rows = look()
    if now() == before then break end
  end
  for _, row in ipairs(rows) do row[3] = before - row[3] end
  return rows
end

-- The row of a pending entry if `worker` owns it. XACK and XCLAIM don't ask who is calling.
local function held(worker, stream, tag)
  local row = pending_rows(stream, WORKERS, tag, tag, 1)[1]
  if row and row[2] == worker then return row end
  return nil
end

local function renew(worker, stream, tag, ...)
  return redis.call('XCLAIM', stream, WORKERS, worker, 0, tag, 'JUSTID', ...)
end

-- How much a named channel holds: XLEN counts the messages, the hash `sizes` has their bytes. Each entry says in its
-- field b how much was added for it, and the same is taken off when it is deleted. So an entry that an older version
-- wrote, without a b, counts for nothing both times. What is deleted by somebody else's hand stays counted; it is
-- noticed when the stream is empty, or by counting again when a channel seems to be full.

local RECOUNT_MS = 10000
local known = {}  -- channel -> {messages, bytes}, as of its first use in this script, kept up to date below

local function holdings(channel)
  if not known[channel] then
    local messages = redis.call('XLEN', stream_key(channel))
    local bytes = messages > 0 and redis.call('HGET', SIZES, channel) or 0
    known[channel] = {messages = messages, bytes = tonumber(bytes)}
  end
  return known[channel]
end

-- Counts the bytes of a channel again, not more often than each RECOUNT_MS: it reads all of them. The moment stands
-- beside the count, under a name that no channel has.
local function recount(channel)
  local holds, moment = holdings(channel), now()
  local counted = tonumber(redis.call('HGET', SIZES, '!' .. channel) or 0)
  if moment >= counted and moment - counted < RECOUNT_MS then return end
  local bytes, from = 0, '-'
  repeat
    local entries = redis.call('XRANGE', stream_key(channel), from, '+', 'COUNT', 10)
    for _, entry in ipairs(entries) do
      bytes = bytes + tonumber(named(entry[2]).b or 0)
      from = '(' .. entry[1]
    end
  until #entries == 0
  holds.bytes = bytes
  redis.call('HSET', SIZES, channel, string.format('%.0f', bytes), '!' .. channel, string.format('%.0f', moment))
end

-- Whether a channel takes messages of `bytes` in all, with `more` that are about to be added before. An empty one takes
-- any.
local function has_room(channel, most_messages, most_bytes, bytes, more)
  local holds = holdings(channel)
  more, most_bytes = more or 0, tonumber(most_bytes)
  if holds.messages + more >= tonumber(most_messages) then return false end
  local function fits() return (holds.bytes == 0 and more == 0) or holds.bytes + bytes <= most_bytes end
  if fits() then return true end
  recount(channel)
  return fits()
end

-- Appends a message, which stands in `field`; `...` are fields beside it.
local function append(channel, field, message, bytes, ...)
  local holds = holdings(channel)
  redis.call('XADD', stream_key(channel), '*', field, message, 'b', string.format('%.0f', bytes), ...)
  holds.messages, holds.bytes = holds.messages + 1, holds.bytes + bytes
  redis.call('HSET', SIZES, channel, string.format('%.0f', holds.bytes))
end

-- The field b of an entry.
local function bytes_of(channel, tag)
  local entry = redis.call('XRANGE', stream_key(channel), tag, tag)[1]
  return entry and named(entry[2]).b or '0'
end

-- XLEN counts what is queued and what is pending, because this removes the entry as well. `bytes` is its field b, or 0.
local function acknowledge(channel, tag, bytes)
  local stream = stream_key(channel)
  redis.call('XACK', stream, WORKERS, tag)
  if redis.call('XDEL', stream, tag) == 0 then return end
  known[channel] = nil
  if redis.call('HINCRBY', SIZES, channel, string.format('%d', -tonumber(bytes))) <= 0 then
    redis.call('HDEL', SIZES, channel, '!' .. channel)
  end
end

-- Removes the oldest messages of a channel that nobody is to begin any more, up to the first that has time left. Those
-- that somebody has taken stay. One is read at a time: they may be large.
local function drop_late(channel)
  local stream, moment, from = stream_key(channel), now(), '-'
  for _ = 1, 100 do
    local entry = redis.call('XRANGE', stream, from, '+', 'COUNT', 1)[1]
    if not entry then return end
    local fields, queued = named(entry[2]), tonumber(string.match(entry[1], '^%d+'))
    local timeout = tonumber(fields.t)
    if not timeout or moment <= queued + timeout then return end
    if #pending_rows(stream, WORKERS, entry[1], entry[1], 1) == 0 then acknowledge(channel, entry[1], fields.b or 0) end
    from = '(' .. entry[1]
  end
end

-- has_room, for which messages make way that nobody is to begin any more, also while a script only reads: they are gone
-- either way.
local function make_room(channel, ...)
  if has_room(channel, ...) then return true end
  drop_late(channel)
  return has_room(channel, ...)
end

-- An inbox is bounded in bytes. Its interface's hash has in `bytes` what was ever appended, in `dropped` what of that is
-- no longer there, and in `limit` how much may be there; each entry says in its field b what had been appended before it.

-- How much had been appended to an inbox, of `bytes` in all, before its oldest entry; before the oldest that has a b,
-- since what an older version appended is not counted.
local function bytes_before_oldest(interface, bytes)
  local from = '-'
  while true do
    local entry = redis.call('XRANGE', inbox_key(interface), from, '+', 'COUNT', 1)[1]
    if not entry then return bytes end
    local before = named(entry[2]).b
    if before then return tonumber(before) end
    from = '(' .. entry[1]
  end
end

-- Drops the entries of an inbox up to a number.
local function drop_read(interface, read)
  redis.call('XTRIM', inbox_key(interface), 'MINID', string.format('%.0f-0', read + 1))
  local bytes = tonumber(redis.call('HGET', interface_key(interface), 'bytes') or 0)
  local dropped = bytes_before_oldest(interface, bytes)
  redis.call('HSET', interface_key(interface), 'dropped', string.format('%.0f', dropped))
end

-- Removes an inbox and takes its interface out of its groups.
local function remove_inbox(interface)
  for _, field in ipairs(redis.call('HKEYS', interface_key(interface))) do
    local group = string.match(field, '^join:(.*)$')
    if group then redis.call('SREM', group_key(group), interface) end
  end
  redis.call('DEL', inbox_key(interface), interface_key(interface))
end

-- A moment at which the interface lived, for the eyes of the reaper.
local function mark_alive(interface)
  redis.call('HSET', INTERFACES, interface, now())
end

-- Notes down that a socket has a record. Its interface is listed as well, also if it never opened an inbox or has closed
-- it: who lists all interfaces finds all records.
local function list_socket(socket)
  local interface = interface_of(socket)
  redis.call('SADD', sockets_key(interface), socket)
  redis.call('HSETNX', INTERFACES, interface, 0)
end

local function unlist_socket(socket)
  redis.call('SREM', sockets_key(interface_of(socket)), socket)
end
