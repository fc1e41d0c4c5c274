-- The merge of one patch after the other. scripts.ts puts before it: clock.lua,
-- merge-patches.lua (what the script takes and answers), merge-traits.lua, merge-users.lua.

-- at: where the patch stands in the list; its values at values_at, its users at users_at.
local function merge(key, at, shape, values_at, users_at, standings)
  local clock_key, group_id, digits = key .. ':clock', list[at], list[at + 1]
  local users = list[users_at]
  local since, stamp = true, digits
  if shape ~= NO_TRAITS then since, stamp = list[at + 3], list[at + 4] end
  if stamp == true then stamp = digits end
  fill(shape, values_at, stamp)

  local latest, floor, fresh = -1, -1, false
  local head = call('HGET', clock_key, '')
  if head then
    latest, floor = parse_head(head, clock_key)
  else
    fresh = call('EXISTS', key, clock_key, key .. ':members', key .. ':left') == 0
    if not fresh and call('EXISTS', clock_key) == 1 then malformed(clock_key, '') end
  end
  local clock = tonumber(digits)
  local later = clock > latest

  local clocks, v, c, r = shape.clocks, 2 * shape.values, 2 * shape.count + 2, shape.count - shape.values
  local all_win = (since == true and clock or since) > latest
  if not all_win then v, c, r = choose_traits(key, clock_key, floor, shape) end
  local any_left, j, l, uj, ul = false, 0, 0, 0, 0
  if users > 0 then
    since = list[users_at + 1]
    local newer = (head or fresh) and (since == true and clock or since) > latest
    any_left, j, l, uj, ul = settle_users(key, floor, fresh, newer, digits, users_at + 2, users)
  elseif not fresh then
    call('ZCARD', key .. ':members')
    call('ZCARD', key .. ':left')
  end
  if not fresh and v == 0 then call('HLEN', key) end

  -- From here on it is written.
  local values = all_win and shape.fields or won_values
  local ok, failure = pcall(write_first, key, group_id, users, any_left, values, v)
  if not ok then
    restore_index(key, group_id, users)
    error(failure, 0)
  end
  if r > 0 then
    if all_win then call('HDEL', key, unpack(shape.names, shape.values + 1, shape.count))
    else call('HDEL', key, unpack(won_removed, 1, r)) end
  end
  if not all_win then clocks = won_clocks end
  clocks[1], clocks[2] = '', floor >= 0 and digits .. sub(head, 17) or digits
  if later or c > 2 then call('HSET', clock_key, unpack(clocks, later and 1 or 3, c)) end
  if j > 0 then call('ZADD', key .. ':members', unpack(joined, 1, j)) end
  if l > 0 then call('ZADD', key .. ':left', unpack(left, 1, l)) end
  if uj > 0 then call('ZREM', key .. ':members', unpack(unjoined, 1, uj)) end
  if ul > 0 then call('ZREM', key .. ':left', unpack(unleft, 1, ul)) end
  for u = 1, index == 'outside' and users or 0 do
    standings[u] = scores[u] and scores[u] .. (are_members[u] and 'm' or 'l') or ''
  end
end

local conflicts, standings, at = {}, {}, 1
for i = 1, #KEYS do
  local shape, values_at = NO_TRAITS, at + 3
  if list[at + 2] > 0 then shape, values_at = shapes[list[at + 2]], at + 5 end
  local users_at = values_at + shape.values
  if list[at + 4] == false and shape ~= NO_TRAITS then users_at = users_at + shape.count end
  if index == 'outside' then standings[i] = {} end
  local ok, failure = pcall(merge, KEYS[i], at, shape, values_at, users_at, standings[i])
  if not ok then
    conflicts[#conflicts + 1] = i - 1
    conflicts[#conflicts + 1] = conflict_of(failure)
  end
  at = users_at + 1
  if list[users_at] > 0 then at = at + 1 + 4 * list[users_at] end
end
return { conflicts, standings }
