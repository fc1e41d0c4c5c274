-- Of merge.lua: which traits of a patch win over what is stored.

-- Whether a > b by bytes. Lua's own < is strcoll and follows the server's locale.
local function greater(a, b)
  local low, high = 0, math.min(#a, #b)
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if sub(a, 1, middle) == sub(b, 1, middle) then low = middle else high = middle - 1 end
  end
  return (string.byte(a, low + 1) or -1) > (string.byte(b, low + 1) or -1)
end

local wins, tied, tied_names = {}, {}, {}
local won_values, won_clocks, won_removed = {}, {}, {}

-- Collects in won_* what wins over the stored traits, and returns how many items each has.
local function choose_traits(key, clock_key, floor, shape)
  local count, names, fields, clocks = shape.count, shape.names, shape.fields, shape.clocks
  if count == 0 then return 0, 2, 0 end
  local ties = 0
  local stored = call('HMGET', clock_key, unpack(names, 1, count))
  for i = 1, count do
    local stamp, other = clocks[2 * i + 2], stored[i]
    local clock, other_clock = parse_stamp(stamp), other and parse_stamp(other) or -1
    if other and other_clock < 0 then malformed(clock_key, names[i]) end
    wins[i] = clock > floor and clock > other_clock
    if clock > floor and clock == other_clock and sub(stamp, 17) ~= 'x' then
      if sub(other, 17) == 'x' then
        wins[i] = true
      else
        ties = ties + 1
        tied[ties], tied_names[ties] = i, names[i]
      end
    end
  end
  local texts = ties > 0 and call('HMGET', key, unpack(tied_names, 1, ties))
  for t = 1, ties do
    local i, text = tied[t], texts[t]
    local value = fields[2 * i]
    if text == value then
      wins[i] = #clocks[2 * i + 2] > #stored[i] -- JSON over string
    else
      wins[i] = not text or greater(value, text)
    end
  end
  local v, c, r = 0, 2, 0
  for i = 1, count do
    if wins[i] then
      won_clocks[c + 1], won_clocks[c + 2] = names[i], clocks[2 * i + 2]
      c = c + 2
      if i <= shape.values then
        won_values[v + 1], won_values[v + 2] = names[i], fields[2 * i]
        v = v + 2
      else
        r = r + 1; won_removed[r] = names[i]
      end
    end
  end
  return v, c, r
end
