-- Chooses the traits of the patch that win over the stored ones: the later clock; at equal clocks a
-- value over a removal, and the greater value by bytes; at equal bytes JSON over a string.
--
-- Imports: parse_clock_field, throw_malformed (clock.lua), patch (merge-patches.lua)
-- Exports: choose_traits

local call, unpack, sub = redis.call, unpack, string.sub

-- By number of the trait in the shape.
local names, is_winner = {}, {}
-- Traits at equal clocks, whose values decide: their numbers and names.
local tied, tied_names = {}, {}

-- Whether a > b by bytes. Lua's own < is strcoll, so it depends on the locale of the server.
local function is_greater(a, b)
  local low, high = 0, math.min(#a, #b)
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if sub(a, 1, middle) == sub(b, 1, middle) then low = middle else high = middle - 1 end
  end
  return (string.byte(a, low + 1) or -1) > (string.byte(b, low + 1) or -1)
end

-- Sets is_winner where the clocks decide. Collects the ties, and returns how many there are.
local function compare_clocks(group, shape, stored_fields)
  local clock_pairs, erased_at, ties = shape.clock_pairs, group.erased_at, 0
  for i = 1, shape.count do
    local clock_field, stored_field = clock_pairs[2 * i + 2], stored_fields[i]
    local clock, stored_clock = parse_clock_field(clock_field), -1
    if stored_field then
      stored_clock = parse_clock_field(stored_field) or throw_malformed(group.clock_key, names[i])
    end
    is_winner[i] = clock > erased_at and clock > stored_clock
    if clock > erased_at and clock == stored_clock and sub(clock_field, 17) ~= 'x' then
      if sub(stored_field, 17) == 'x' then
        is_winner[i] = true
      else
        ties = ties + 1
        tied[ties], tied_names[ties] = i, names[i]
      end
    end
  end
  return ties
end

-- Sets is_winner for the ties.
local function compare_values(group, shape, stored_fields, ties)
  local stored_values = call('HMGET', group.key, unpack(tied_names, 1, ties))
  for t = 1, ties do
    local i, stored_value = tied[t], stored_values[t]
    local value = shape.value_pairs[2 * i]
    if value == stored_value then
      -- of two values, only the form of JSON makes the clock field longer
      is_winner[i] = #shape.clock_pairs[2 * i + 2] > #stored_fields[i]
    else
      is_winner[i] = not stored_value or is_greater(value, stored_value)
    end
  end
end

-- What a shape has, of the winners alone; made when first needed.
local winners

local function collect_winners(shape)
  winners = winners or {
    count = 0, value_count = 0,
    value_pairs = {}, clock_pairs = { '', '' }, removed = {}, -- the first clock pair: the header
  }
  local value_pairs, clock_pairs = winners.value_pairs, winners.clock_pairs
  local values, removals = 0, 0
  for i = 1, shape.count do
    if is_winner[i] then
      if i <= shape.value_count then
        values = values + 1
        value_pairs[2 * values - 1], value_pairs[2 * values] = names[i], shape.value_pairs[2 * i]
      else
        removals = removals + 1
        winners.removed[removals] = names[i]
      end
      local place = 2 * (values + removals) + 1
      clock_pairs[place], clock_pairs[place + 1] = names[i], shape.clock_pairs[2 * i + 2]
    end
  end
  winners.count, winners.value_count = values + removals, values
end

-- Returns the traits of the patch that win, as a shape has them. If all are later than anything in
-- the group, they win, and no stored trait is read.
function choose_traits(group)
  local shape = patch.shape
  local count = shape.count
  if patch.least_trait_clock > group.latest or count == 0 then return shape end
  for i = 1, count do names[i] = shape.names_and_forms[2 * i] end
  local stored_fields = call('HMGET', group.clock_key, unpack(names, 1, count))
  local ties = compare_clocks(group, shape, stored_fields)
  if ties > 0 then compare_values(group, shape, stored_fields, ties) end
  collect_winners(shape)
  return winners
end
