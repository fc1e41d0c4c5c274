-- What merge.lua and erase.lua share; scripts.ts puts it before them.
--
-- A stamp, in group:{ID}:clock, is the clock of a trait: 16 digits + '' | 'j' | 'x'. The head,
-- its empty field, is the latest clock of all in 16 digits and, where the group was erased,
-- 16 digits of as of when: the floor. Clocks below 2^53 are exact as numbers.

local MAX_CLOCK = 9007199254740991
local STAMP = '^' .. string.rep('%d', 16) .. '[jx]?$'

local call, tonumber, unpack, sub, find = redis.call, tonumber, unpack, string.sub, string.find

local function malformed(clock_key, field)
  error({ conflict = clock_key .. ' is malformed at the field "' .. field .. '"' }, 0)
end

-- The latest clock and the floor; -1 where there is none.
local function parse_head(head, clock_key)
  local length = #head
  if (length ~= 16 and length ~= 32) or find(head, '%D') then malformed(clock_key, '') end
  local latest = tonumber(sub(head, 1, 16))
  local floor = length == 32 and tonumber(sub(head, 17)) or -1
  if latest > MAX_CLOCK or floor > MAX_CLOCK then malformed(clock_key, '') end
  return latest, floor
end

-- The latest clock of a group that has users, but no head: its clocks were deleted.
local function latest_of_users(key)
  local latest = -1
  for _, set in ipairs({ ':members', ':left' }) do
    local last = call('ZREVRANGE', key .. set, 0, 0, 'WITHSCORES')
    latest = math.max(latest, tonumber(last[2] or -1))
  end
  return math.min(latest, MAX_CLOCK)
end

local clock_of = {} -- stamp -> its clock, or false; the traits of an event share theirs

-- The clock of a stamp; false for a malformed one.
local function parse_stamp(stamp)
  local clock = clock_of[stamp]
  if clock == nil then
    clock = find(stamp, STAMP) and tonumber(sub(stamp, 1, 16)) or false
    if clock and clock > MAX_CLOCK then clock = false end
    clock_of[stamp] = clock
  end
  return clock
end

-- What is wrong with this group alone: a malformed clock, a foreign type. Any other failure
-- is that of the whole call. Since Redis 7 an error of a command is a table.
local function conflict_of(failure)
  local is_table = type(failure) == 'table'
  if is_table and failure.conflict then return failure.conflict end
  local text = is_table and failure.err or failure
  if not find(text, 'WRONGTYPE', 1, true) then error(failure, 0) end
  return 'WRONGTYPE'
end

