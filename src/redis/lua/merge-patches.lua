-- Of merge.lua: what it was given, unpacked.
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
