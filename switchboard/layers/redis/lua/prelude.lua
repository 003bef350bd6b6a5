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
local function outgoing_key(host) return PREFIX .. ':outgoing1:' .. host end
local function report_key(channel) return PREFIX .. ':report:' .. channel end
local INTERFACES = PREFIX .. ':interfaces'
local WATCHED = PREFIX .. ':watched'
local BEATS = PREFIX .. ':workers'
local CHANNELS = PREFIX .. ':channels'
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

-- XLEN counts what is queued and what is pending, because this removes the entry as well.
local function acknowledge(stream, tag)
  redis.call('XACK', stream, WORKERS, tag)
  redis.call('XDEL', stream, tag)
end

-- Removes the oldest messages of a stream that nobody is to begin any more, up to the first that has time left. Those that
-- somebody has taken stay. One is read at a time: they may be large.
local function drop_late(stream)
  local moment, from = now(), '-'
  for _ = 1, 100 do
    local entry = redis.call('XRANGE', stream, from, '+', 'COUNT', 1)[1]
    if not entry then return end
    local timeout, queued = tonumber(named(entry[2]).t), tonumber(string.match(entry[1], '^%d+'))
    if not timeout or moment <= queued + timeout then return end
    if #pending_rows(stream, WORKERS, entry[1], entry[1], 1) == 0 then acknowledge(stream, entry[1]) end
    from = '(' .. entry[1]
  end
end

-- Whether a stream is below its capacity, with `more` messages that are about to be added. Those that nobody is to begin
-- any more make room first, also while a script only reads: they are gone either way.
local function has_room(stream, capacity, more)
  if redis.call('XLEN', stream) + more < tonumber(capacity) then return true end
  drop_late(stream)
  return redis.call('XLEN', stream) + more < tonumber(capacity)
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
