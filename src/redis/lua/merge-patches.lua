-- Reads the patches of a call of merge.lua. writing/patch-packing.ts writes them, as JSON:
--
--   ARGV[1]      = [ shapes, list ]
--   shapes       = [ shape, ... ]       for each row of traits that a patch of the call has
--   shape        = [ number of values, name, form, name, form, ... ]
--                                       form: '' string | 'j' JSON text | 'x' removed: no value;
--                                       the removed traits come last
--   list         = [ patch ... ]        flat, in the order of KEYS
--   patch        = group id, latest digits, traits, users
--   traits       = 0                    the patch has none, or
--                | shape number, least clock, shared digits, value ..., digits ...
--                                       shape number: from 1
--                                       shared digits: false if the traits differ in their clocks;
--                                       only then follow digits ..., for each trait
--   users        = 0                    the patch has none, or
--                | number of users, least clock, user ...
--   user         = user id, digits, is member, user key
--                                       user key: false if the id needs no encoding in keys
--   digits       = a clock, as 16 digits; true: that of the patch's latest clock
--   least clock  = of the traits or of the users, as a number; true: the patch's latest clock
--
-- New tables for each patch would be half of Lua's time. So a call makes `patch` and the shapes
-- once, and fills them for one patch after the other.
--
-- Exports: patch, list, read_patch

local tonumber, unpack = tonumber, unpack
local packed = cjson.decode(ARGV[1])
list = packed[2]

-- The shapes; shape 0 is that of no traits. The pairs begin as names and forms. read_patch replaces
-- the forms by values and by clock fields, and merge.lua sets the header, at the field ''. Then
-- HSET takes them.
local shapes = packed[1]
shapes[0] = { 0 }
for number = 0, #shapes do
  local names_and_forms = shapes[number]
  local value_count, count = names_and_forms[1], (#names_and_forms - 1) / 2
  local removed = {}
  for i = value_count + 1, count do removed[i - value_count] = names_and_forms[2 * i] end
  shapes[number] = {
    count = count, value_count = value_count, names_and_forms = names_and_forms, removed = removed,
    value_pairs = { unpack(names_and_forms, 2, 2 * value_count + 1) },
    clock_pairs = { '', '', unpack(names_and_forms, 2) },
  }
end

-- The patch that is being merged.
patch = {
  group_id = '',
  digits = '', latest = -1, -- its latest clock
  shape = shapes[0], least_trait_clock = -1, -- the shape is filled with its traits
  user_count = 0, least_user_clock = -1, users_at = 0, -- where they begin in the list
}

-- Fills the shape with the values and clocks that begin here in the list. Returns where they end.
local function fill_shape(shape, at, shared_digits)
  local list, names_and_forms = list, shape.names_and_forms -- locals are quicker to reach
  local value_pairs, clock_pairs = shape.value_pairs, shape.clock_pairs
  for place = 2, 2 * shape.value_count, 2 do
    value_pairs[place] = list[at]
    at = at + 1
  end
  local digits = shared_digits
  for place = 3, 2 * shape.count + 1, 2 do
    if not shared_digits then
      digits = list[at]
      at = at + 1
    end
    local form = names_and_forms[place]
    clock_pairs[place + 1] = form == '' and digits or digits .. form
  end
  return at
end

-- Fills `patch` with what begins here in the list. Returns where the next patch begins.
function read_patch(at)
  local patch, list = patch, list
  local digits, shape = list[at + 1], shapes[list[at + 2]]
  local latest = tonumber(digits)
  patch.group_id, patch.digits, patch.latest = list[at], digits, latest
  patch.shape, patch.least_trait_clock = shape, latest
  at = at + 3
  if shape.count > 0 then
    local least_clock, shared_digits = list[at], list[at + 1]
    if least_clock ~= true then patch.least_trait_clock = least_clock end
    if shared_digits == true then shared_digits = digits end
    at = fill_shape(shape, at + 2, shared_digits)
  end
  local user_count = list[at]
  patch.user_count = user_count
  if user_count == 0 then return at + 1 end
  local least_clock = list[at + 1]
  patch.least_user_clock = least_clock == true and latest or least_clock
  patch.users_at = at + 2
  return at + 2 + 4 * user_count
end
