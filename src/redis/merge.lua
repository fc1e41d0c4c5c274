-- Merges patches of groups into their state: the merge of domain/merge.ts, atomically.
--
-- KEYS     group:{ID} of every patch; :clock, :members, :left and the user index follow from it
-- ARGV[1]  msgpack: one flat list of all patches, in the order of KEYS (patch-packing.ts), each
--            group id
--            least clock of its traits and users, a number
--            latest clock, 16 digits; the clock of all its traits, likewise, or false: they differ
--            how many items follow of each kind: values, JSON, removed, clocks, users
--            values   name, value, ...
--            JSON     which of the values are JSON text, the rest being strings: 1, ...
--            removed  name, ...
--            clocks   where they differ: those of the values, then of removed, 16 digits each
--            users    user id, clock (16 digits), true: member | false: left, user:{ID}, ...
-- ARGV[2]  the user index: 'inside' is set by this script, 'outside' is left to the caller
--          (its keys are in other slots), 'none' is not kept
--
-- Returns  { conflicts, standings }
--            conflicts  index of the patch from 0, 'WRONGTYPE' or what is malformed, ...:
--                       nothing of these was written
--            standings  with 'outside', one list a patch: per user '' | clock + 'm' | clock + 'l'
--
-- All that can fail of a group is read before its first write: Lua does not roll back.
-- Values are written before their clocks, so that no clock ever vouches for an older value.
-- Tables that live for one group only are made once and used again: half of Lua's time.

local list, index = cmsgpack.unpack(ARGV[1]), ARGV[2]

-- Whether a > b by bytes. Lua's own < is strcoll and follows the server's locale.
local function greater(a, b)
  local low, high = 0, math.min(#a, #b)
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if sub(a, 1, middle) == sub(b, 1, middle) then low = middle else high = middle - 1 end
  end
  return (string.byte(a, low + 1) or -1) > (string.byte(b, low + 1) or -1)
end

local clocks, names, wins, tied, tied_names = {}, {}, {}, {}, {}
local won_values, won_clocks, won_removed = {}, {}, {}

-- Puts into clocks what goes into the hash of clocks if all of the patch wins: '', latest clock,
-- name, stamp, ... of the values, then of what is removed. Returns how many items that is.
local function list_clocks(latest, shared, values_at, json_at, removed_at, clocks_at)
  local list, clocks, c = list, clocks, 2 -- quicker to reach than from outside
  clocks[1], clocks[2] = '', latest
  for i = values_at, json_at - 1, 2 do
    c = c + 2
    clocks[c - 1], clocks[c] = list[i], shared or list[clocks_at + c / 2 - 2]
  end
  for i = removed_at, clocks_at - 1 do
    c = c + 2
    clocks[c - 1], clocks[c] = list[i], (shared or list[clocks_at + c / 2 - 2]) .. 'x'
  end
  for i = json_at, removed_at - 1 do
    local at = 2 * list[i] + 2
    clocks[at] = clocks[at] .. 'j'
  end
  return c
end

-- Collects in won_* what wins over the stored traits, and returns how many items each has.
local function choose_traits(key, clock_key, floor, values_at, values, listed)
  local count = listed / 2 - 1
  if count == 0 then return 0, 2, 0 end
  for i = 1, count do names[i] = clocks[2 * i + 1] end
  local ties = 0
  local stored = call('HMGET', clock_key, unpack(names, 1, count))
  for i = 1, count do
    local stamp, other = clocks[2 * i + 2], stored[i]
    local clock, other_clock = parse_stamp(stamp), other and parse_stamp(other) or -1
    if other and other_clock < 0 then malformed(clock_key, names[i]) end
    wins[i] = clock > floor and clock > other_clock
    if clock > floor and clock == other_clock and sub(stamp, 17) ~= 'x' then
      if sub(other, 17) == 'x' then
        wins[i] = true
      else
        ties = ties + 1
        tied[ties], tied_names[ties] = i, names[i]
      end
    end
  end
  local texts = ties > 0 and call('HMGET', key, unpack(tied_names, 1, ties))
  for t = 1, ties do
    local i, text = tied[t], texts[t]
    local value = list[values_at + 2 * i - 1]
    if text == value then
      wins[i] = #clocks[2 * i + 2] > #stored[i] -- JSON over string
    else
      wins[i] = not text or greater(value, text)
    end
  end
  local v, c, r = 0, 2, 0
  for i = 1, count do
    if wins[i] then
      won_clocks[c + 1], won_clocks[c + 2] = names[i], clocks[2 * i + 2]
      c = c + 2
      if 2 * i <= values then
        won_values[v + 1], won_values[v + 2] = names[i], list[values_at + 2 * i - 1]
        v = v + 2
      else
        r = r + 1; won_removed[r] = names[i]
      end
    end
  end
  return v, c, r
end

local ids, keys = {}, {}
local joined, left, unjoined, unleft = {}, {}, {}, {}
local index_keys, index_scores = {}, {}

local function score(key, id)
  return tonumber(call('ZSCORE', key, id) or -1)
end

-- Reads how the users stand and collects what is to be written for it: of the group in joined,
-- left (score, id, ...), unjoined and unleft (id, ...), of the index in index_*.
local function settle_users(key, group_id, floor, fresh, at, count, standings)
  local n = count / 4
  keys[1] = key .. ':left'
  for u = 1, n do
    ids[u] = list[at + 4 * u - 4]
    if index == 'inside' then keys[u + 1] = list[at + 4 * u - 1] .. ':left' end
  end
  local any_left = not fresh and call('EXISTS', unpack(keys, 1, index == 'inside' and n + 1 or 1)) > 0
  local member_clocks = not fresh and call('ZMSCORE', key .. ':members', unpack(ids, 1, n))
  local left_clocks = any_left and call('ZMSCORE', keys[1], unpack(ids, 1, n))

  local j, l, uj, ul, x = 0, 0, 0, 0, 0
  for u = 1, n do
    local id, digits, member = ids[u], list[at + 4 * u - 3], list[at + 4 * u - 2]
    local clock = tonumber(digits)
    local member_clock = tonumber(member_clocks and member_clocks[u] or -1)
    local left_clock = tonumber(left_clocks and left_clocks[u] or -1)
    local standing, is_member = member_clock, true
    if left_clock > member_clock then standing, is_member = left_clock, false end
    if standing <= floor then standing = -1 end

    if clock > floor and (clock > standing or (clock == standing and member and not is_member)) then
      standing, is_member = clock, member
      if member then
        j = j + 2
        joined[j - 1], joined[j] = digits, id
        if left_clock >= 0 then ul = ul + 1; unleft[ul] = id end
      else
        l = l + 2
        left[l - 1], left[l] = digits, id
        if member_clock >= 0 then uj = uj + 1; unjoined[uj] = id end
      end
    end

    if index == 'inside' then
      local groups_key, left_key = list[at + 4 * u - 1] .. ':groups', keys[u + 1]
      local in_groups, in_left = is_member and standing or -1, is_member and -1 or standing
      local new_score = standing == clock and digits or standing -- a number would be formatted
      if (fresh and -1 or score(groups_key, group_id)) ~= in_groups then
        x = x + 1
        index_keys[x], index_scores[x] = groups_key, in_groups >= 0 and new_score
      end
      if (any_left and score(left_key, group_id) or -1) ~= in_left then
        x = x + 1
        index_keys[x], index_scores[x] = left_key, in_left >= 0 and new_score
      end
    elseif index == 'outside' then
      standings[u] = standing < 0 and '' or string.format('%.0f', standing) .. (is_member and 'm' or 'l')
    end
  end
  return j, l, uj, ul, x
end

local function write_users(key, group_id, j, l, uj, ul, x)
  if j > 0 then call('ZADD', key .. ':members', unpack(joined, 1, j)) end
  if l > 0 then call('ZADD', key .. ':left', unpack(left, 1, l)) end
  if uj > 0 then call('ZREM', key .. ':members', unpack(unjoined, 1, uj)) end
  if ul > 0 then call('ZREM', key .. ':left', unpack(unleft, 1, ul)) end
  for i = 1, x do
    if index_scores[i] then call('ZADD', index_keys[i], index_scores[i], group_id)
    else call('ZREM', index_keys[i], group_id) end
  end
end

-- True where nothing stands at any of the keys.
local function all_absent(key, clock_key, at, count)
  local n = 4
  keys[1], keys[2], keys[3], keys[4] = key, clock_key, key .. ':members', key .. ':left'
  for u = at + 3, index == 'inside' and at + count or 0, 4 do
    n = n + 2
    keys[n - 1], keys[n] = list[u] .. ':groups', list[u] .. ':left'
  end
  return call('EXISTS', unpack(keys, 1, n)) == 0
end

local function merge(key, at, standings)
  local clock_key, group_id = key .. ':clock', list[at]
  local values, users = list[at + 4], list[at + 8]
  local values_at = at + 9
  local json_at = values_at + values
  local removed_at = json_at + list[at + 5]
  local clocks_at = removed_at + list[at + 6]
  local users_at = clocks_at + list[at + 7]

  local latest, floor, fresh = -1, -1, false
  local head = call('HGET', clock_key, '')
  if head then
    latest, floor = parse_head(head, clock_key)
  else
    fresh = all_absent(key, clock_key, users_at, users)
    if not fresh and call('EXISTS', clock_key) == 1 then malformed(clock_key, '') end
  end

  local all_win = list[at + 1] > latest
  local listed = list_clocks(list[at + 2], list[at + 3], values_at, json_at, removed_at, clocks_at)
  local v, c, r = values, listed, clocks_at - removed_at
  if not all_win then v, c, r = choose_traits(key, clock_key, floor, values_at, values, listed) end
  local j, l, uj, ul, x = 0, 0, 0, 0, 0
  if users > 0 then
    j, l, uj, ul, x = settle_users(key, group_id, floor, fresh, users_at, users, standings)
  elseif not fresh then
    call('ZCARD', key .. ':members')
    call('ZCARD', key .. ':left')
  end
  if not fresh and v == 0 then call('HLEN', key) end

  -- From here on it is written. With values, the first of these shows a foreign type at key.
  local later = all_win or tonumber(clocks[2]) > latest -- before the floor joins it
  if floor >= 0 then clocks[2] = clocks[2] .. sub(head, 17) end
  if all_win then
    if v > 0 then call('HSET', key, unpack(list, values_at, json_at - 1)) end
    if r > 0 then call('HDEL', key, unpack(list, removed_at, clocks_at - 1)) end
    call('HSET', clock_key, unpack(clocks, 1, c))
  else
    if v > 0 then call('HSET', key, unpack(won_values, 1, v)) end
    if r > 0 then call('HDEL', key, unpack(won_removed, 1, r)) end
    if later then won_clocks[1], won_clocks[2] = '', clocks[2] end
    if later or c > 2 then call('HSET', clock_key, unpack(won_clocks, later and 1 or 3, c)) end
  end
  write_users(key, group_id, j, l, uj, ul, x)
end

local conflicts, standings, at = {}, {}, 1
for i = 1, #KEYS do
  standings[i] = {}
  local ok, failure = pcall(merge, KEYS[i], at, standings[i])
  if not ok then
    conflicts[#conflicts + 1] = i - 1
    conflicts[#conflicts + 1] = conflict_of(failure)
  end
  at = at + 9 + list[at + 4] + list[at + 5] + list[at + 6] + list[at + 7] + list[at + 8]
end
return { conflicts, index == 'outside' and standings or {} }
