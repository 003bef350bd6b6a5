-- Outputs on their way to streams and inboxes. Included by the scripts that send.
--
-- put() only reads, send() only writes: a script does not roll back, so whatever can fail comes before the first write.
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
--   g  for a group:         group, '', the event
--   f  for another host:    the host's place, most entries kept for it, outputs as these, packed
-- One of any other kind is left out: another host's worker may be of a newer version.

local boxes = {}      -- interface -> {last, bytes, dropped, limit} of its inbox, or false where there is none
local members = {}    -- group -> set of interfaces, with those that join in this script
local events = {}     -- interface -> list of events
local joins = {}      -- list of {interface, group}
local dead = {}       -- list of {interface, group}: no inbox, yet in the group
local envelopes = {}  -- list of {channel, envelope}
local forwards = {}   -- list of {host, most entries, packed outputs}

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

local function put(kind, name, extra, payload)
  if kind == 'e' then
    envelopes[#envelopes + 1] = {name, payload}
  elseif kind == 'f' then
    forwards[#forwards + 1] = {name, extra, payload}
  elseif kind == 'g' then
    for interface in pairs(members_of(name)) do put_event(interface, payload) end
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
  for _, envelope in ipairs(envelopes) do append(envelope[1], envelope[2], #envelope[2]) end
  for _, forward in ipairs(forwards) do
    redis.call('XADD', outgoing_key(forward[1]), 'MAXLEN', forward[2], '*', 'w', forward[3])
  end
  events, joins, dead, envelopes, forwards = {}, {}, {}, {}, {}
end
