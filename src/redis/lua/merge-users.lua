-- Chooses the membership that each user of the patch is to have, and writes the user index.
--
-- A membership is one of: member as of a clock; left as of a clock; none. The later clock wins; at
-- equal clocks member wins over left.
--
-- Most groups and users have no `:left` key. One EXISTS over all of them saves a ZMSCORE, and a
-- ZREM per user.
--
-- The functions take the group as an argument: it is the table `group` of merge.lua.
--
-- Imports: patch, list (merge-patches.lua)
-- Exports: choose_memberships, set_index_entries, restore_index_entries, encode_memberships
-- Exports: members_to_add, members_to_remove, left_to_add, left_to_remove

local call, tonumber, unpack = redis.call, tonumber, unpack
local writes_index, user_key_start = ARGV[2] == 'inside', ARGV[3]

-- Each of the following tables is refilled for each patch; u is the number of a user in it.
local user_ids = {}
local groups_keys = {} -- [u]: the key of the user's groups in the index
local left_keys_to_check = {} -- [1]: the group's :left key; [u + 1]: the user's, in the index

-- The membership that user u is to have.
local membership_digits = {} -- digits of its clock; false for none
local is_member = {} -- member or left; has no meaning if the digits are false
local is_winner = {} -- whether the patch's membership wins over the stored one

-- What is to be written to the group, as ZADD (score, id, ...) and ZREM (id, ...) take it.
members_to_add, members_to_remove = { n = 0 }, { n = 0 }
left_to_add, left_to_remove = { n = 0 }, { n = 0 }

-- Collects ids and keys. Returns how many keys there are in left_keys_to_check: without an index to
-- write, only the group's.
local function collect_users(group)
  left_keys_to_check[1] = group.left_key
  local at, user_count = patch.users_at, patch.user_count
  for u = 1, user_count do
    local id = list[at]
    user_ids[u] = id
    if writes_index then
      local user_key = list[at + 3]
      groups_keys[u] = user_key and user_key .. ':groups' or user_key_start .. id .. '}:groups'
      local left_key = user_key and user_key .. ':left' or user_key_start .. id .. '}:left'
      left_keys_to_check[u + 1] = left_key
    end
    at = at + 4
  end
  return writes_index and user_count + 1 or 1
end

-- Sets the membership of user u to the stored one. Returns whether that of the patch (`clock`,
-- `member`) wins over it.
local function load_stored_membership(group, u, clock, member, member_clock, left_clock)
  local stored_clock, was_member = left_clock, false
  if member_clock >= left_clock then stored_clock, was_member = member_clock, true end
  if stored_clock <= group.erased_at then stored_clock = -1 end
  membership_digits[u] = stored_clock >= 0 and string.format('%016.0f', stored_clock)
  is_member[u] = was_member
  return clock > group.erased_at
    and (clock > stored_clock or (clock == stored_clock and member and not was_member))
end

-- Sets the membership of user u to that of the patch, and adds it to what is to be written.
local function change_membership(u, digits, member, may_be_in_opposite_set)
  membership_digits[u], is_member[u] = digits, member
  local to_add = member and members_to_add or left_to_add
  local n = to_add.n + 2
  to_add[n - 1], to_add[n], to_add.n = digits, user_ids[u], n
  if may_be_in_opposite_set then
    local to_remove = member and left_to_remove or members_to_remove
    n = to_remove.n + 1
    to_remove[n], to_remove.n = user_ids[u], n
  end
end

-- Chooses the membership of each user. Returns whether any of left_keys_to_check
-- exists.
--
-- If all users are later than anything in the group, they win, and no member score is read.
function choose_memberships(group)
  local left_key_count, user_count = collect_users(group), patch.user_count
  local is_later, is_new = patch.least_user_clock > group.latest, group.is_new
  local has_left_key = (not is_new or left_key_count > 1)
    and call('EXISTS', unpack(left_keys_to_check, 1, left_key_count)) > 0
  local member_scores, left_scores
  if not is_later then
    member_scores = call('ZMSCORE', group.members_key, unpack(user_ids, 1, user_count))
  end
  if has_left_key then
    left_scores = call('ZMSCORE', group.left_key, unpack(user_ids, 1, user_count))
  end

  members_to_add.n, members_to_remove.n, left_to_add.n, left_to_remove.n = 0, 0, 0, 0
  local at = patch.users_at
  for u = 1, user_count do
    local digits, member = list[at + 1], list[at + 2]
    if digits == true then digits = patch.digits end
    local left_clock = left_scores and tonumber(left_scores[u] or -1) or -1
    local wins, may_be_member = true, not is_new
    if not is_later then
      local member_clock = tonumber(member_scores[u] or -1)
      wins = load_stored_membership(group, u, tonumber(digits), member, member_clock, left_clock)
      may_be_member = member_clock >= 0
    end
    is_winner[u] = wins
    if wins then
      local may_be_in_opposite_set = may_be_member
      if member then may_be_in_opposite_set = left_clock >= 0 end
      change_membership(u, digits, member, may_be_in_opposite_set)
    end
    at = at + 4
  end
  return has_left_key
end

local function has_score(set_key, id, score)
  return tonumber(call('ZSCORE', set_key, id)) == score
end

-- Sets the index entries of all users. A membership of the patch that won is not in the index yet,
-- so it is written without a read. A stored one is written only if the index differs: that repairs
-- the index.
function set_index_entries(has_left_key)
  local group_id = patch.group_id
  for u = 1, patch.user_count do
    local set_key, other_key = groups_keys[u], left_keys_to_check[u + 1]
    local digits = membership_digits[u]
    if not is_member[u] then set_key, other_key = other_key, set_key end
    if not digits then
      call('ZREM', set_key, group_id)
    elseif is_winner[u] or not has_score(set_key, group_id, tonumber(digits)) then
      call('ZADD', set_key, digits, group_id)
    end
    if has_left_key or not is_member[u] then call('ZREM', other_key, group_id) end
  end
end

-- Sets an entry, or removes it if `score` is false. Ignores a key of the wrong type.
local function try_to_sync(set_key, score, id)
  if score then pcall(call, 'ZADD', set_key, score, id) else pcall(call, 'ZREM', set_key, id) end
end

-- Sets the index entries of all users to what the group stores. A key of the wrong type, which is
-- why the merge failed, stays as it is.
function restore_index_entries(group)
  local group_id = patch.group_id
  for u = 1, patch.user_count do
    local member_score = call('ZSCORE', group.members_key, user_ids[u])
    local left_score = not member_score and call('ZSCORE', group.left_key, user_ids[u])
    try_to_sync(groups_keys[u], member_score, group_id)
    try_to_sync(left_keys_to_check[u + 1], left_score, group_id)
  end
end

-- Returns the memberships as merge.lua answers them.
function encode_memberships()
  local encoded = {}
  for u = 1, patch.user_count do
    local digits = membership_digits[u]
    encoded[u] = digits and digits .. (is_member[u] and 'm' or 'l') or ''
  end
  return encoded
end
