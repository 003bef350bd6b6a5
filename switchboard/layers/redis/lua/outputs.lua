-- Outputs on their way to streams and inboxes. Included by the scripts that send.
--
-- put() only reads (but see has_room), send() only writes: a script does not roll back, so whatever can fail comes before the first write.
-- An interface gets one entry of its inbox from one send(), with all that was put for it, in the order of the puts. What
-- was put is gone after it; what is known of interfaces and groups stays, for the next message of the script.
--
-- An output is four words: kind, name, extra, payload.
--   e  an envelope:         channel, capacity or '', the envelope
--   i  for one interface:   interface, '', the event
--   j  a join:              interface, group, the event
--   g  for a group:         group, milliseconds until it expires on a named channel, 0 for never, the event; '' for the
--                           milliseconds where named channels are not to get it
--   m  a named channel becomes a member:       channel, group, milliseconds that this lasts and its capacity
--   d  a named channel is no member any more:  channel, group, ''
--   f  for another host:    the host's place, most entries kept for it, outputs as these, packed

local lives = {}      -- interface -> whether it has an inbox
local members = {}    -- group -> set of interfaces, with those that join in this script
local events = {}     -- interface -> list of events
local joins = {}      -- list of {interface, group}
local dead = {}       -- list of {interface, group}: no inbox, yet in the group
local channels = {}   -- group -> named channel -> {until when it is a member (ms), capacity}
local changed = {}    -- list of {group, named channel}: a member from now on, no longer, or for another time
local envelopes = {}  -- list of {channel, field, payload, milliseconds until it expires or '0'}
local added = {}      -- stream -> how many of them are group messages for it
local over = {}       -- list of {group, members that were full, members}
local forwards = {}   -- list of {host, most entries, packed outputs}

local function is_alive(interface)
  if lives[interface] == nil then
    lives[interface] = redis.call('HEXISTS', interface_key(interface), 'last') == 1
  end
  return lives[interface]
end

local function members_of(group)
  if not members[group] then
    members[group] = {}
    for _, interface in ipairs(redis.call('SMEMBERS', group_key(group))) do
      if is_alive(interface) then members[group][interface] = true else dead[#dead + 1] = {interface, group} end
    end
  end
  return members[group]
end

local function put_event(interface, event)
  if not is_alive(interface) then return end
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
      local ends, capacity = string.match(value, '^(%d+) (%d+)$')
      if tonumber(ends) > moment then
        channels[group][channel] = {tonumber(ends), tonumber(capacity)}
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
    local stream = stream_key(channel)
    total = total + 1
    if has_room(stream, member[2], added[stream] or 0) then
      added[stream] = (added[stream] or 0) + 1
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
    local milliseconds, capacity = string.match(payload, '^(%d+) (%d+)$')
    channels_of(extra)[name] = {now() + tonumber(milliseconds), tonumber(capacity)}
    changed[#changed + 1] = {extra, name}
  elseif kind == 'd' then
    channels_of(extra)[name] = nil
    changed[#changed + 1] = {extra, name}
  elseif kind == 'f' then
    forwards[#forwards + 1] = {name, extra, payload}
  elseif kind == 'g' then
    for interface in pairs(members_of(name)) do put_event(interface, payload) end
    if extra ~= '' then put_on_channels(name, extra, payload) end
  else
    if kind == 'j' and is_alive(name) then
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
  redis.call('HSET', key, channel, string.format('%.0f %.0f', member[1], member[2]))
  -- The key ends with the last membership.
  if redis.call('PTTL', key) < member[1] - now() then
    redis.call('PEXPIREAT', key, string.format('%.0f', member[1]))
  end
end

-- `socket` and `order`, if given, head the entry of the socket's own interface.
local function send(socket, order)
  local home = socket and interface_of(socket)
  local numbers = {}
  for interface, list in pairs(events) do
    local number = redis.call('HINCRBY', interface_key(interface), 'last', 1)
    local id = string.format('%.0f-0', number)
    -- Packed into one field: XADD takes its words from Lua's stack, which ends at 8,000.
    local packed = cmsgpack.pack(list)
    if interface == home then
      redis.call('XADD', inbox_key(interface), id, 'p', packed, 'k', socket, 'o', order)
    else
      redis.call('XADD', inbox_key(interface), id, 'p', packed)
    end
    numbers[interface] = number
  end
  for _, join in ipairs(joins) do
    redis.call('SADD', group_key(join[2]), join[1])
    redis.call('HSET', interface_key(join[1]), 'join:' .. join[2], string.format('%.0f', numbers[join[1]]))
  end
  for _, leave in ipairs(dead) do redis.call('SREM', group_key(leave[2]), leave[1]) end
  for _, change in ipairs(changed) do keep_member(change[1], change[2]) end
  for _, envelope in ipairs(envelopes) do
    local channel, field, payload, milliseconds = unpack(envelope)
    if tostring(milliseconds) == '0' then
      redis.call('XADD', stream_key(channel), '*', field, payload)
    else
      redis.call('XADD', stream_key(channel), '*', field, payload, 't', milliseconds)
    end
  end
  for _, forward in ipairs(forwards) do
    redis.call('XADD', outgoing_key(forward[1]), 'MAXLEN', forward[2], '*', 'w', forward[3])
  end
  events, joins, dead, envelopes, forwards, changed, added = {}, {}, {}, {}, {}, {}, {}
end

-- The groups in which members were full, for whoever logs it.
local function over_capacity() return over end
