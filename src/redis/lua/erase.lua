-- One page of an erasure: what is as of the given time or before goes. The first call sets the
-- floor, which the merge honours from then on; so whatever comes between two pages is safe.
--
-- KEYS[1]  group:{ID}; :clock, :members, :left and the user index follow from it
-- ARGV[1]  group id
-- ARGV[2]  as of when: 16 digits
-- ARGV[3]  how many entries of hashes a page has, and
-- ARGV[4]  how many users
-- ARGV[5]  what is being walked through: 'clocks', then 'fields' (those without a clock), 'done'
-- ARGV[6]  the cursor in it; begins with '0'
-- ARGV[7]  the user index: 'inside' | 'outside' | 'none', as in merge.lua; with 'outside' the
--          caller has taken the following users out of it
-- ARGV[8]  and so on: user id, user:{ID}, ... of the users that the last call named
--
-- Returns  { conflict, walk, cursor, users }
--            conflict  '', or 'WRONGTYPE', or what is malformed: then this call wrote nothing
--            walk, cursor  for the next call; the erasure is complete at 'done' without users
--            users     ids of users that are to go next
--
-- A user goes out of the index first, then out of the group: where a crash comes between, the
-- erasure finds the user again when it is redelivered.

local key, group_id, walk, cursor, index = KEYS[1], ARGV[1], ARGV[5], ARGV[6], ARGV[7]
local clock_key, members, left = key .. ':clock', key .. ':members', key .. ':left'

-- Latest clock and floor as they are to be, and whether that is new.
local function read_head()
  local head = call('HGET', clock_key, '')
  if not head and call('EXISTS', clock_key) == 1 then malformed(clock_key, '') end
  local latest, floor = -1, -1
  if head then latest, floor = parse_head(head, clock_key) else latest = latest_of_users(key) end
  local erased_at = tonumber(ARGV[2])
  local new_latest = latest > erased_at and string.format('%016.0f', latest) or ARGV[2]
  local new_floor = floor > erased_at and sub(head, 17) or ARGV[2]
  return new_latest .. new_floor, math.max(floor, erased_at), head
end

-- The fields of this page that are to go, in both hashes, and where the walk goes on.
local function find_fields(floor)
  local stale = {}
  if walk == 'clocks' then
    local page = call('HSCAN', clock_key, cursor, 'COUNT', ARGV[3])
    for i = 1, #page[2], 2 do
      local name, stamp = page[2][i], page[2][i + 1]
      if name ~= '' then
        local clock = parse_stamp(stamp) or malformed(clock_key, name)
        if clock <= floor then stale[#stale + 1] = name end
      end
    end
    return stale, page[1] == '0' and 'fields' or walk, page[1]
  elseif walk == 'fields' then
    local page = call('HSCAN', key, cursor, 'COUNT', ARGV[3])
    for i = 1, #page[2], 2 do
      if not call('HGET', clock_key, page[2][i]) then stale[#stale + 1] = page[2][i] end
    end
    return stale, page[1] == '0' and 'done' or walk, page[1]
  end
  return stale, walk, cursor
end

local function delete_fields(names)
  for from = 1, #names, 1000 do
    local to = math.min(from + 999, #names)
    call('HDEL', key, unpack(names, from, to))
    call('HDEL', clock_key, unpack(names, from, to))
  end
end

-- The users named by the caller who still stand as of the floor or before: in flat pairs.
local function find_users(floor)
  local stale = {}
  for i = 8, #ARGV, 2 do
    local id, user_key = ARGV[i], ARGV[i + 1]
    if index == 'inside' then
      call('ZSCORE', user_key .. ':groups', group_id)
      call('ZSCORE', user_key .. ':left', group_id)
    end
    local latest = math.max(
      tonumber(call('ZSCORE', members, id) or -1), tonumber(call('ZSCORE', left, id) or -1))
    if latest <= floor then
      stale[#stale + 1] = id
      stale[#stale + 1] = user_key
    end
  end
  return stale
end

local function delete_users(users)
  for i = 1, #users, 2 do
    if index == 'inside' then
      call('ZREM', users[i + 1] .. ':groups', group_id)
      call('ZREM', users[i + 1] .. ':left', group_id)
    end
    call('ZREM', members, users[i])
    call('ZREM', left, users[i])
  end
end

local function next_users(set, floor, limit)
  return call('ZRANGEBYSCORE', set, '-inf', string.format('%.0f', floor), 'LIMIT', '0', limit)
end

local function erase_page()
  local new_head, floor, head = read_head()
  call('HLEN', key)
  call('ZCARD', members)
  call('ZCARD', left)
  local users = find_users(floor)
  local fields, next_walk, next_cursor = find_fields(floor)

  if new_head ~= head then call('HSET', clock_key, '', new_head) end
  delete_users(users)
  if #fields > 0 then delete_fields(fields) end

  if next_walk == 'fields' and call('HLEN', key) == 0 then next_walk = 'done' end
  local next_page = next_users(members, floor, ARGV[4])
  if #next_page == 0 then next_page = next_users(left, floor, ARGV[4]) end
  return { '', next_walk, next_cursor, next_page }
end

local ok, result = pcall(erase_page)
return ok and result or { conflict_of(result), walk, cursor, {} }
