-- Merges patches into the stored groups, atomically: the same merge as domain/merge/merge.ts.
--
-- KEYS     group:{ID} of each patch; :clock, :members and :left follow from it
-- ARGV[1]  the patches: JSON, whose grammar is in merge-patches.lua
-- ARGV[2]  the user index: 'inside': this script writes it | 'outside': the caller writes it, as
--          its keys are in other slots | 'none': there is none
-- ARGV[3]  how the keys of all users begin, up to the id: 'user:{'
--
-- Returns  { conflicts, memberships }
--            conflicts    flat pairs: number of the patch, from 0; 'WRONGTYPE' or what is
--                         malformed. Nothing of these patches was written.
--            memberships  with 'outside', for each patch, a list of what its users have now:
--                         '' none | digits + 'm' member | digits + 'l' left
--
-- Lua does not roll back. So whatever can fail for a group is read before its first write. Not so
-- the user index: it is written first, unread, and if that fails, restored from the group. Values
-- are written before their clocks, so no clock ever covers an older value.
--
-- Imports: throw_malformed, parse_header, latest_of_users, conflict_of (clock.lua)
-- Imports: patch, read_patch (merge-patches.lua), choose_traits (merge-traits.lua)
-- Imports: choose_memberships, set_index_entries, restore_index_entries, encode_memberships,
--       members_to_add, members_to_remove, left_to_add, left_to_remove (merge-users.lua)

local call, unpack, sub = redis.call, unpack, string.sub
local index_place = ARGV[2]

-- The group that the patch is merged into, as it is stored.
local group = {
  key = '', clock_key = '', members_key = '', left_key = '',
  is_new = false, -- it has no key at all
  header = false, latest = -1, erased_at = -1,
}
local is_index_ahead = false -- the index is written, and the group is not

local function read_group(key)
  local clock_key = key .. ':clock'
  local members_key, left_key = key .. ':members', key .. ':left'
  local header = call('HGET', clock_key, '')
  local is_new, latest, erased_at = false, -1, -1
  if header then
    latest, erased_at = parse_header(header, clock_key)
  else
    is_new = call('EXISTS', key, clock_key, members_key, left_key) == 0
    if not is_new then
      if call('EXISTS', clock_key) == 1 then throw_malformed(clock_key, '') end
      latest = latest_of_users(key)
    end
  end
  group.key, group.clock_key = key, clock_key
  group.members_key, group.left_key = members_key, left_key
  group.is_new, group.header, group.latest, group.erased_at = is_new, header, latest, erased_at
end

-- Fails if a key that the choices did not read is of the wrong type.
local function check_types(traits)
  if patch.user_count == 0 then
    call('ZCARD', group.members_key)
    call('ZCARD', group.left_key)
  elseif patch.least_user_clock > group.latest then
    call('ZCARD', group.members_key)
  end
  -- with values, HSET is the group's first write, and fails itself
  if traits.value_count == 0 then call('HLEN', group.key) end
end

-- Writes the clocks of the traits, and the header if it is new.
local function write_clocks(traits)
  local clock_pairs, last = traits.clock_pairs, 2 * traits.count + 2
  local is_later, header, first = patch.latest > group.latest, group.header, 3
  if is_later or not header then
    local latest_digits = is_later and patch.digits or string.format('%016.0f', group.latest)
    first, clock_pairs[2] = 1, latest_digits
    if group.erased_at >= 0 then clock_pairs[2] = latest_digits .. sub(header, 17) end
  end
  if last > first then call('HSET', group.clock_key, unpack(clock_pairs, first, last)) end
end

local function write_memberships()
  local members_key, left_key = group.members_key, group.left_key
  local n = members_to_add.n
  if n > 0 then call('ZADD', members_key, unpack(members_to_add, 1, n)) end
  n = left_to_add.n
  if n > 0 then call('ZADD', left_key, unpack(left_to_add, 1, n)) end
  n = members_to_remove.n
  if n > 0 then call('ZREM', members_key, unpack(members_to_remove, 1, n)) end
  n = left_to_remove.n
  if n > 0 then call('ZREM', left_key, unpack(left_to_remove, 1, n)) end
end

local function merge_patch(key)
  read_group(key)
  local traits = choose_traits(group)
  local has_users = patch.user_count > 0
  local has_left_key = has_users and choose_memberships(group)
  if not group.is_new then check_types(traits) end

  -- what follows writes; only the index and the first HSET can still fail
  if has_users and index_place == 'inside' then
    is_index_ahead = true
    set_index_entries(has_left_key)
  end
  local value_count, removed_count = traits.value_count, traits.count - traits.value_count
  if value_count > 0 then call('HSET', key, unpack(traits.value_pairs, 1, 2 * value_count)) end
  is_index_ahead = false
  if removed_count > 0 then call('HDEL', key, unpack(traits.removed, 1, removed_count)) end
  write_clocks(traits)
  if has_users then write_memberships() end
end

local conflicts, memberships, at = {}, {}, 1
for i = 1, #KEYS do
  at = read_patch(at)
  local ok, failure = pcall(merge_patch, KEYS[i])
  if not ok then
    if is_index_ahead then restore_index_entries(group) end
    is_index_ahead = false
    conflicts[#conflicts + 1] = i - 1
    conflicts[#conflicts + 1] = conflict_of(failure)
  end
  if index_place == 'outside' then memberships[i] = ok and encode_memberships() or {} end
end
return { conflicts, memberships }
