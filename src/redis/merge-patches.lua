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
-- Tables that live for one group only are made once and used again: half of Lua's time.

local packed, index, user_start = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local list = packed[2]

-- What patches of the same traits share: fields and clocks are as HSET takes them, the places of
-- values and stamps to be filled in.
local function prepare(shape)
  local values, count = shape[1], (#shape - 1) / 2
  local names, forms, fields, clocks = {}, {}, {}, { '', '' }
  for i = 1, count do
    local name = shape[2 * i]
    names[i], forms[i] = name, shape[2 * i + 1]
    clocks[2 * i + 1], clocks[2 * i + 2] = name, ''
    if i <= values then fields[2 * i - 1], fields[2 * i] = name, '' end
  end
  return { values = values, count = count, names = names, forms = forms, fields = fields, clocks = clocks }
end

local NO_TRAITS = prepare({ 0 })
local shapes = {}
for i, shape in ipairs(packed[1]) do shapes[i] = prepare(shape) end

-- Fills in the values and clocks of a patch.
local function fill(shape, at, stamp)
  local list, fields, clocks, forms = list, shape.fields, shape.clocks, shape.forms -- quicker to reach
  local values, count = shape.values, shape.count
  for i = 1, values do fields[2 * i] = list[at + i - 1] end
  at = at + values
  for i = 1, count do
    local clock, form = stamp or list[at + i - 1], forms[i]
    clocks[2 * i + 2] = form == '' and clock or clock .. form
  end
end
