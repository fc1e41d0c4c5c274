-- The clocks of a group, as group:{ID}:clock stores them, and what counts as a conflict.
--
--   hash         = { trait name -> clock field, '' -> header }
--   clock field  = digits form       form: '' string | 'j' JSON text | 'x' removed
--   header       = digits [digits]   the latest clock of all; erased at, if it ever was erased.
--                                    With both, the header is 32 digits, without a separator
--   digits       = 16 decimal digits, microseconds since 1970
--
-- Clocks are at most 2^53 - 1, so a Lua number holds them exactly. -1 means none.
--
-- scripts.ts joins several files to one script. "Exports:" lists what the later files of the script
-- can use; scripts.ts reads that line. "Imports:" lists what a file uses from earlier files.
--
-- Exports: throw_malformed, parse_header, latest_of_users, parse_clock_field, conflict_of

local MAX_CLOCK = 9007199254740991
local CLOCK_FIELD = '^' .. string.rep('%d', 16) .. '[jx]?$'

local call, tonumber, sub, find = redis.call, tonumber, string.sub, string.find

-- Throws that the group has a conflict: conflict_of finds the text in the error.
function throw_malformed(clock_key, field)
  error({ conflict = clock_key .. ' is malformed at the field "' .. field .. '"' }, 0)
end

-- Returns the latest clock, and the clock as of which the group was erased.
function parse_header(header, clock_key)
  local length = #header
  if (length ~= 16 and length ~= 32) or find(header, '%D') then throw_malformed(clock_key, '') end
  local latest_digits, erased_at = header, -1
  if length == 32 then
    latest_digits, erased_at = sub(header, 1, 16), tonumber(sub(header, 17))
  end
  local latest = tonumber(latest_digits)
  if latest > MAX_CLOCK or erased_at > MAX_CLOCK then throw_malformed(clock_key, '') end
  return latest, erased_at
end

-- Returns the latest clock of a group without clocks: that of its latest user, -1 if it has none.
function latest_of_users(key)
  local latest = -1
  for _, suffix in ipairs({ ':members', ':left' }) do
    local last = call('ZREVRANGE', key .. suffix, 0, 0, 'WITHSCORES')
    latest = math.max(latest, tonumber(last[2] or -1))
  end
  return math.min(latest, MAX_CLOCK)
end

-- A cache: clock field -> its clock, or false. Most traits of an event have the same clock field.
local parsed_clocks = {}

-- Returns the clock of a clock field, or false if the field is malformed.
function parse_clock_field(clock_field)
  local clock = parsed_clocks[clock_field]
  if clock == nil then
    clock = find(clock_field, CLOCK_FIELD) and tonumber(sub(clock_field, 1, 16)) or false
    if clock and clock > MAX_CLOCK then clock = false end
    parsed_clocks[clock_field] = clock
  end
  return clock
end

-- Returns what keeps this one group from being written: a malformed clock, or a key of the wrong
-- type. Throws any other error again: it concerns the whole call.
function conflict_of(failure)
  -- in Redis 6 a command's error is a string, since Redis 7 a table
  local is_table = type(failure) == 'table'
  if is_table and failure.conflict then return failure.conflict end
  local text = is_table and failure.err or failure
  if not find(text, 'WRONGTYPE', 1, true) then error(failure, 0) end
  return 'WRONGTYPE'
end
