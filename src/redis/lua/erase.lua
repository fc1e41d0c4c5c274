-- Erases one page of a group: whatever is as of the given time or before. The caller repeats the
-- call until nothing is left. The first call writes the time of the erasure to the header, and
-- merge.lua honours it from then on. So merges between two pages are safe.
--
-- KEYS[1]  group:{ID}; :clock, :members and :left follow from it
-- ARGV[1]  group id
-- ARGV[2]  erased at: 16 digits
-- ARGV[3]  fields in a page
-- ARGV[4]  users in a page
-- ARGV[5]  stage: 'clocks': traits by their clocks | 'fields': fields that have no clock | 'done'
-- ARGV[6]  HSCAN cursor of the stage; begins with '0'
-- ARGV[7]  the user index: 'inside' | 'outside' | 'none', as in merge.lua. With 'outside' the
--          caller has already removed the following users from it
-- ARGV[8]  and on: user id, user:{ID}, ... of the users that the last call returned
--
-- Returns  { conflict, stage, cursor, users }
--            conflict       '', or 'WRONGTYPE' or what is malformed: then this call wrote nothing
--            stage, cursor  for the next call; the erasure is complete at 'done' without users
--            users          ids of the users that the next call is to erase
--
-- A user is removed from the index first, then from the group. So if a crash comes between, the
-- redelivered erasure finds the user again.
--
-- Imports: throw_malformed, parse_header, latest_of_users, parse_clock_field, conflict_of
--       (clock.lua)

local call, tonumber, unpack, sub = redis.call, tonumber, unpack, string.sub
local key, group_id, erase_digits = KEYS[1], ARGV[1], ARGV[2]
local page_fields, page_users = ARGV[3], ARGV[4]
local stage, cursor, index_place = ARGV[5], ARGV[6], ARGV[7]
local FIRST_USER = 8
local clock_key, members_key, left_key = key .. ':clock', key .. ':members', key .. ':left'

-- Returns the header as stored and as it is to be, and as of when the group is then erased.
local function read_header()
  local header = call('HGET', clock_key, '')
  if not header and call('EXISTS', clock_key) == 1 then throw_malformed(clock_key, '') end
  local latest, stored_erased_at = -1, -1
  if header then
    latest, stored_erased_at = parse_header(header, clock_key)
  else
    latest = latest_of_users(key)
  end
  local erased_at = tonumber(erase_digits)
  local new_latest = latest > erased_at and string.format('%016.0f', latest) or erase_digits
  local new_erased_at = stored_erased_at > erased_at and sub(header, 17) or erase_digits
  return {
    stored = header,
    new = new_latest .. new_erased_at,
    erased_at = math.max(stored_erased_at, erased_at),
  }
end

-- Fails if a key of the group is of the wrong type.
local function check_types()
  call('HLEN', key)
  call('ZCARD', members_key)
  call('ZCARD', left_key)
end

-- Traits as of the erasure or before.
local function scan_clocks(erased_at)
  local names, page = {}, call('HSCAN', clock_key, cursor, 'COUNT', page_fields)
  for i = 1, #page[2], 2 do
    local name, clock_field = page[2][i], page[2][i + 1]
    if name ~= '' then
      local clock = parse_clock_field(clock_field) or throw_malformed(clock_key, name)
      if clock <= erased_at then names[#names + 1] = name end
    end
  end
  return { names = names, next_stage = page[1] == '0' and 'fields' or stage, next_cursor = page[1] }
end

-- Fields that another program wrote: they have no clock.
local function scan_fields()
  local names, page = {}, call('HSCAN', key, cursor, 'COUNT', page_fields)
  for i = 1, #page[2], 2 do
    local name = page[2][i]
    if not call('HGET', clock_key, name) then names[#names + 1] = name end
  end
  return { names = names, next_stage = page[1] == '0' and 'done' or stage, next_cursor = page[1] }
end

local function find_fields(erased_at)
  if stage == 'clocks' then return scan_clocks(erased_at) end
  if stage == 'fields' then return scan_fields() end
  return { names = {}, next_stage = stage, next_cursor = cursor }
end

local function delete_fields(names)
  for from = 1, #names, 1000 do
    local to = math.min(from + 999, #names)
    call('HDEL', key, unpack(names, from, to))
    call('HDEL', clock_key, unpack(names, from, to))
  end
end

-- The users named by the caller whose membership is still as of the erasure or before: a merge may
-- have changed it since. Flat pairs: id, user:{ID}.
local function find_users(erased_at)
  local users = {}
  for i = FIRST_USER, #ARGV, 2 do
    local id, user_key = ARGV[i], ARGV[i + 1]
    if index_place == 'inside' then -- fails if a key in the index is of the wrong type
      call('ZSCORE', user_key .. ':groups', group_id)
      call('ZSCORE', user_key .. ':left', group_id)
    end
    local member_clock = tonumber(call('ZSCORE', members_key, id) or -1)
    local left_clock = tonumber(call('ZSCORE', left_key, id) or -1)
    if math.max(member_clock, left_clock) <= erased_at then
      users[#users + 1] = id
      users[#users + 1] = user_key
    end
  end
  return users
end

local function delete_users(users)
  for i = 1, #users, 2 do
    local id, user_key = users[i], users[i + 1]
    if index_place == 'inside' then
      call('ZREM', user_key .. ':groups', group_id)
      call('ZREM', user_key .. ':left', group_id)
    end
    call('ZREM', members_key, id)
    call('ZREM', left_key, id)
  end
end

local function users_until(set_key, erased_at)
  local max = string.format('%.0f', erased_at)
  return call('ZRANGEBYSCORE', set_key, '-inf', max, 'LIMIT', '0', page_users)
end

local function next_users(erased_at)
  local members = users_until(members_key, erased_at)
  if #members > 0 then return members end
  return users_until(left_key, erased_at)
end

local function erase_page()
  local header = read_header()
  check_types()
  local users = find_users(header.erased_at)
  local fields = find_fields(header.erased_at)

  -- nothing fails from here on
  if header.new ~= header.stored then call('HSET', clock_key, '', header.new) end
  delete_users(users)
  delete_fields(fields.names)

  local next_stage = fields.next_stage
  if next_stage == 'fields' and call('HLEN', key) == 0 then next_stage = 'done' end
  return { '', next_stage, fields.next_cursor, next_users(header.erased_at) }
end

local ok, result = pcall(erase_page)
return ok and result or { conflict_of(result), stage, cursor, {} }
