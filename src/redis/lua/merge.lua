-- Merges patches of groups into their state: the merge of domain/merge.ts, atomically.
--
-- KEYS     group:{ID} of every patch; :clock, :members, :left and the user index follow from it
-- ARGV[1]  JSON: [shapes, list] (patch-packing.ts)
--            shapes  one a row of traits: how many have a value, then name, form, ...; form is ''
--                    string | 'j' JSON text | 'x' removed, and those come last
--            list    flat, patch by patch in the order of KEYS:
--                      group id, latest clock of the patch (16 digits), shape from 1, or 0: no traits
--                      with a shape: least clock of its traits (a number), their clock (16 digits)
--                        or false where they differ, the values, where they differ all the clocks
--                      number of users; with any: the least of their clocks (a number), and each:
--                        user id, clock (16 digits), member?, user:{ID} or false: as it stands
--                    a clock that is true is the latest of the patch
-- ARGV[2]  the user index: 'inside' is set by this script, 'outside' is left to the caller
--          (its keys are in other slots), 'none' is not kept
-- ARGV[3]  what the keys of users begin with, up to the id
--
-- Returns  { conflicts, standings }
--            conflicts  index of the patch from 0, 'WRONGTYPE' or what is malformed, ...:
--                       nothing of these was written
--            standings  with 'outside', one list a patch: per user '' | clock + 'm' | clock + 'l'
--
-- Lua does not roll back: what can fail of a group is read before its first write. But the user
-- index is written without a look, before the group, and set back by the group where it fails.
-- Values are written before their clocks, so that no clock ever vouches for an older value.
--
-- scripts.ts puts before it: clock.lua, merge-patches.lua, merge-traits.lua, merge-users.lua.

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
    if not fresh then
      if call('EXISTS', clock_key) == 1 then malformed(clock_key, '') end
      latest = latest_of_users(key)
    end
  end
  local clock = tonumber(digits)
  local later = clock > latest

  local clocks, v, c, r = shape.clocks, 2 * shape.values, 2 * shape.count + 2, shape.count - shape.values
  local all_win = (since == true and clock or since) > latest
  if not all_win then v, c, r = choose_traits(key, clock_key, floor, shape) end
  local any_left, j, l, uj, ul = false, 0, 0, 0, 0
  if users > 0 then
    since = list[users_at + 1]
    local newer = (since == true and clock or since) > latest
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
  local new_latest = later and digits or string.format('%016.0f', latest)
  clocks[1], clocks[2] = '', floor >= 0 and new_latest .. sub(head, 17) or new_latest
  local first = (later or not head) and 1 or 3
  if c > first then call('HSET', clock_key, unpack(clocks, first, c)) end
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
