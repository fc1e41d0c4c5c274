-- Of merge.lua: how users stand, in the group and in the user index.

local ids, groups_keys, left_keys = {}, {}, {}
local scores, are_members, are_news = {}, {}, {} -- how each user is to stand; no score: not at all
local joined, left, unjoined, unleft = {}, {}, {}, {}

-- Collects the users and their keys in the index; left_keys begins with the group's own. Returns
-- how many left_keys there are.
local function collect_users(key, at, count)
  local keys = 1
  left_keys[1] = key .. ':left'
  for u = 1, count do
    local place = at + 4 * u - 4
    ids[u] = list[place]
    if index == 'inside' then
      local user_key = list[place + 3]
      keys = keys + 1
      if user_key then
        groups_keys[u], left_keys[keys] = user_key .. ':groups', user_key .. ':left'
      else
        groups_keys[u] = user_start .. ids[u] .. '}:groups'
        left_keys[keys] = user_start .. ids[u] .. '}:left'
      end
    end
  end
  return keys
end

-- Reads how the users stand, decides how they are to stand, and collects what is to be written
-- of it: in joined, left (score, id, ...), unjoined and unleft (id, ...). Of users whose clocks
-- are all later than anything in the group it does not matter how they stood.
local function settle_users(key, floor, fresh, newer, digits_of_all, at, count)
  local keys = collect_users(key, at, count)
  local any_left = (not fresh or keys > 1) and call('EXISTS', unpack(left_keys, 1, keys)) > 0
  local member_clocks, left_clocks
  if not fresh and newer then call('ZCARD', key .. ':members') end
  if not newer then member_clocks = call('ZMSCORE', key .. ':members', unpack(ids, 1, count)) end
  if any_left then left_clocks = call('ZMSCORE', left_keys[1], unpack(ids, 1, count)) end

  local j, l, uj, ul = 0, 0, 0, 0
  for u = 1, count do
    local place = at + 4 * u - 3
    local id, digits, member = ids[u], list[place], list[place + 1]
    if digits == true then digits = digits_of_all end
    local left_clock = left_clocks and tonumber(left_clocks[u] or -1) or -1
    local wins, member_clock = newer, -1
    if not newer then
      local clock, standing, was_member = tonumber(digits), left_clock, false
      member_clock = tonumber(member_clocks[u] or -1)
      if member_clock >= left_clock then standing, was_member = member_clock, true end
      if standing <= floor then standing = -1 end
      wins = clock > floor and (clock > standing or (clock == standing and member and not was_member))
      scores[u] = standing >= 0 and string.format('%016.0f', standing)
      are_members[u] = was_member
    end
    are_news[u] = wins
    if wins then
      scores[u], are_members[u] = digits, member
      if member then
        j = j + 2
        joined[j - 1], joined[j] = digits, id
        if left_clock >= 0 then ul = ul + 1; unleft[ul] = id end
      else
        l = l + 2
        left[l - 1], left[l] = digits, id
        if member_clock >= 0 or (newer and not fresh) then uj = uj + 1; unjoined[uj] = id end
      end
    end
  end
  return any_left, j, l, uj, ul
end

-- Sets how a user stands in the index. Where that is news to the group, it is to the index.
local function set_index(u, group_id, score, is_member, any_left, is_news)
  local set_key, other_key = groups_keys[u], left_keys[u + 1]
  if not is_member then set_key, other_key = other_key, set_key end
  if not score then
    call('ZREM', set_key, group_id)
  elseif is_news or tonumber(call('ZSCORE', set_key, group_id) or nil) ~= tonumber(score) then
    call('ZADD', set_key, score, group_id)
  end
  if any_left or not is_member then call('ZREM', other_key, group_id) end
end

-- The writes that may fail.
local function write_first(key, group_id, users, any_left, values, v)
  for u = 1, index == 'inside' and users or 0 do
    set_index(u, group_id, scores[u], are_members[u], any_left, are_news[u])
  end
  if v > 0 then call('HSET', key, unpack(values, 1, v)) end
end

local function put(key, score, id)
  if score then call('ZADD', key, score, id) else call('ZREM', key, id) end
end

-- Sets the users in the index back to how they stand in the group, as far as that can be done.
local function restore_index(key, group_id, users)
  for u = 1, index == 'inside' and users or 0 do
    local member_score = call('ZSCORE', key .. ':members', ids[u])
    local left_score = not member_score and call('ZSCORE', key .. ':left', ids[u])
    pcall(put, groups_keys[u], member_score, group_id)
    pcall(put, left_keys[u + 1], left_score, group_id)
  end
end
