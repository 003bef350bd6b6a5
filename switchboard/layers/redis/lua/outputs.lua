-- Outputs on their way to streams and inboxes. Included by the scripts that send.
--
-- put() only reads (but see has_room), send() only writes: a script does not roll back, so whatever can fail comes before the first write.
-- An interface gets one entry of its inbox from one send(), with all that was put for it, in the order of the puts. What
-- was put is gone after it; what is known of interfaces and groups stays, for the next message of the script.
--
-- An interface whose inbox would outgrow its limit loses it, and leaves its groups: it is frozen, or so far behind that it
-- does not catch up. Nobody's commit fails for it. What was put for it is gone; it notices, and recovers in place.
--
-- An output is four words: kind, name, extra, payload.
--   e  an envelope:         channel, most messages and most bytes of the channel or '', the envelope
--   i  for one interface:   interface, '', the event
--   j  a join:              interface, group, the event
--   g  for a group:         group, milliseconds until it expires on a named channel, 0 for never, the event; '' for the
--                           milliseconds where named channels are not to get it
--   m  a named channel becomes a member:       channel, group, milliseconds that this lasts, its most messages and bytes
--   d  a named channel is no member any more:  channel, group, ''
--   f  for another host:    the host's place, most entries and most bytes kept for it, outputs as these, packed
-- One of any other kind is left out: another host's worker may be of a newer version.

local boxes = {}      -- interface -> {last, bytes, dropped, limit} of its inbox, or false where there is none
local members = {}    -- group -> set of interfaces, with those that join in this script
local events = {}     -- interface -> list of events
local joins = {}      -- list of {interface, group}
local dead = {}       -- list of {interface, group}: no inbox, yet in the group
local channels = {}   -- group -> named channel -> {until when it is a member (ms), its most messages, its most bytes}
local changed = {}    -- list of {group, named channel}: a member from now on, no longer, or for another time
local envelopes = {}  -- list of {channel, field, payload, milliseconds until it expires or '0'}
local added = {}      -- channel -> {how many of them are group messages for it, their bytes}
local over = {}       -- list of {group, members that were full, members}
local forwards = {}   -- list of {host, bounds, packed outputs}

local function box_of(interface)
  if boxes[interface] == nil then
    local last, bytes, dropped, limit = unpack(redis.call(
      'HMGET', interface_key(interface), 'last', 'bytes', 'dropped', 'limit'))
    boxes[interface] = last and {
      last = tonumber(last),
      bytes = tonumber(bytes or 0),
      dropped = tonumber(dropped or 0),
      limit = tonumber(limit or math.huge),  -- an older version drops entries without saying so
    }
  end
  return boxes[interface]
end

-- Whether an inbox can take so many bytes more and hold `limit` unread. An empty one takes any.
local function box_has_room(interface, box, bytes, limit)
  if box.bytes + bytes - box.dropped <= limit then return true end
  -- Entries may have been dropped by an older version or by hand.
  box.dropped = bytes_before_oldest(interface, box.bytes)
  return box.bytes == box.dropped or box.bytes + bytes - box.dropped <= limit
end

local function members_of(group)
  if not members[group] then
    members[group] = {}
    for _, interface in ipairs(redis.call('SMEMBERS', group_key(group))) do
      if box_of(interface) then members[group][interface] = true else dead[#dead + 1] = {interface, group} end
    end
  end
  return members[group]
end

local function put_event(interface, event)
  if not box_of(interface) then return end
  events[interface] = events[interface] or {}
  table.insert(events[interface], event)
end

-- Those of the group's members that are named channels.
local function channels_of(group)
  if not channels[group] then
    channels[group] = {}
    local moment
    for channel, value in pairs(named(redis.call('HGETALL', group_channels_key(group)))) do
      moment = moment or now()
      local ends, most_messages, most_bytes = string.match(value, '^(%d+) (%d+) (%d+)$')
      if tonumber(ends) > moment then
        channels[group][channel] = {tonumber(ends), tonumber(most_messages), tonumber(most_bytes)}
      else
        changed[#changed + 1] = {group, channel}
      end
    end
  end
  return channels[group]
end

-- Puts a group's message on the named channels among its members. One that is full is left out.
local function put_on_channels(group, milliseconds, event)
  local full, total = 0, 0
  for channel, member in pairs(channels_of(group)) do
    local before = added[channel] or {0, 0}
    total = total + 1
    if make_room(channel, member[2], member[3], before[2] + #event, before[1]) then
      added[channel] = {before[1] + 1, before[2] + #event}
      envelopes[#envelopes + 1] = {channel, 'g', event, milliseconds}
    else
      full = full + 1
    end
  end
  if full > 0 then over[#over + 1] = {group, full, total} end
end

local function put(kind, name, extra, payload)
  if kind == 'e' then
    envelopes[#envelopes + 1] = {name, 'e', payload, '0'}
  elseif kind == 'm' then
    local milliseconds, most_messages, most_bytes = string.match(payload, '^(%d+) (%d+) (%d+)$')
    channels_of(extra)[name] = {now() + tonumber(milliseconds), tonumber(most_messages), tonumber(most_bytes)}
    changed[#changed + 1] = {extra, name}
  elseif kind == 'd' then
    channels_of(extra)[name] = nil
    changed[#changed + 1] = {extra, name}
  elseif kind == 'f' then
    forwards[#forwards + 1] = {name, extra, payload}
  elseif kind == 'g' then
    for interface in pairs(members_of(name)) do put_event(interface, payload) end
    if extra ~= '' then put_on_channels(name, extra, payload) end
  elseif kind == 'i' or kind == 'j' then
    if kind == 'j' and box_of(name) then
      members_of(extra)[name] = true
      joins[#joins + 1] = {name, extra}
    end
    put_event(name, payload)
  end
end

-- Outputs, four words each.
local function put_all(words)
  for i = 1, #words, 4 do put(words[i], words[i + 1], words[i + 2], words[i + 3]) end
end

local function keep_member(group, channel)
  local key, member = group_channels_key(group), channels[group][channel]
  if not member then
    redis.call('HDEL', key, channel)
    return
  end
  redis.call('HSET', key, channel, string.format('%.0f %.0f %.0f', member[1], member[2], member[3]))
  -- The key ends with the last membership.
  if redis.call('PTTL', key) < member[1] - now() then
    redis.call('PEXPIREAT', key, string.format('%.0f', member[1]))
  end
end

-- Leaves outputs for another host. Each entry says in b how many bytes had been left for that host before it, and
-- `sizes` has under >host how many in all; so the oldest entry tells how many wait. The oldest go first.
local function leave_for(host, bounds, words)
  local stream, most_entries, most_bytes = outgoing_key(host), string.match(bounds, '^(%d+) (%d+)$')
  local bytes = redis.call('HINCRBY', SIZES, '>' .. host, #words)
  local newest = redis.call('XADD', stream, 'MAXLEN', most_entries, '*', 'w', words, 'b', bytes - #words)
  while true do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local before = oldest[1] ~= newest and named(oldest[2]).b
    if not before or bytes - before <= tonumber(most_bytes) then return end
    redis.call('XDEL', stream, oldest[1])
  end
end

-- `socket` and `order`, if given, head the entry of the socket's own interface.
local function send(socket, order)
  local home = socket and interface_of(socket)
  local numbers = {}
  for interface, list in pairs(events) do
    -- Packed into one field: XADD takes its words from Lua's stack, which ends at 8,000.
    local packed, box = cmsgpack.pack(list), box_of(interface)
    if box_has_room(interface, box, #packed, box.limit) then
      local number, before = string.format('%.0f', box.last + 1), string.format('%.0f', box.bytes)
      if interface == home then
        redis.call('XADD', inbox_key(interface), number .. '-0', 'p', packed, 'b', before, 'k', socket, 'o', order)
      else
        redis.call('XADD', inbox_key(interface), number .. '-0', 'p', packed, 'b', before)
      end
      box.last, box.bytes = box.last + 1, box.bytes + #packed
      redis.call('HSET', interface_key(interface), 'last', number, 'bytes', string.format('%.0f', box.bytes))
      numbers[interface] = number
    else
      remove_inbox(interface)
      redis.call('HSET', interface_key(interface), 'removed', 1)
      boxes[interface] = false
    end
  end
  for _, join in ipairs(joins) do
    if numbers[join[1]] then
      redis.call('SADD', group_key(join[2]), join[1])
      redis.call('HSET', interface_key(join[1]), 'join:' .. join[2], numbers[join[1]])
    end
  end
  for _, leave in ipairs(dead) do redis.call('SREM', group_key(leave[2]), leave[1]) end
  for _, change in ipairs(changed) do keep_member(change[1], change[2]) end
  for _, envelope in ipairs(envelopes) do
    local channel, field, payload, milliseconds = unpack(envelope)
    if tostring(milliseconds) == '0' then
      append(channel, field, payload, #payload)
    else
      append(channel, field, payload, #payload, 't', milliseconds)
    end
  end
  for _, forward in ipairs(forwards) do leave_for(unpack(forward)) end
  events, joins, dead, envelopes, forwards, changed, added = {}, {}, {}, {}, {}, {}, {}
end

-- The groups in which members were full, for whoever logs it.
local function over_capacity() return over end
