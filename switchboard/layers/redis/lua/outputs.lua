-- Outputs on their way to streams and inboxes. Included by the scripts that send.
--
-- put() only reads, send() only writes: a script does not roll back, so whatever can fail comes before the first write.
-- An interface gets one entry of its inbox from one send(), with all that was put for it, in the order of the puts. What
-- was put is gone after it; what is known of interfaces and groups stays, for the next message of the script.
--
-- An output is four words: kind, name, extra, payload.
--   e  an envelope:         channel, capacity or '', the envelope
--   i  for one interface:   interface, '', the event
--   j  a join:              interface, group, the event
--   g  for a group:         group, '', the event
--   f  for another host:    the host's place, most entries kept for it, outputs as these, packed
-- One of any other kind is left out: another host's worker may be of a newer version.

local lives = {}      -- interface -> whether it has an inbox
local members = {}    -- group -> set of interfaces, with those that join in this script
local events = {}     -- interface -> list of events
local joins = {}      -- list of {interface, group}
local dead = {}       -- list of {interface, group}: no inbox, yet in the group
local envelopes = {}  -- list of {channel, envelope}
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

local function put(kind, name, extra, payload)
  if kind == 'e' then
    envelopes[#envelopes + 1] = {name, payload}
  elseif kind == 'f' then
    forwards[#forwards + 1] = {name, extra, payload}
  elseif kind == 'g' then
    for interface in pairs(members_of(name)) do put_event(interface, payload) end
  elseif kind == 'i' or kind == 'j' then
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
  for _, envelope in ipairs(envelopes) do redis.call('XADD', stream_key(envelope[1]), '*', 'e', envelope[2]) end
  for _, forward in ipairs(forwards) do
    redis.call('XADD', outgoing_key(forward[1]), 'MAXLEN', forward[2], '*', 'w', forward[3])
  end
  events, joins, dead, envelopes, forwards = {}, {}, {}, {}, {}
end
