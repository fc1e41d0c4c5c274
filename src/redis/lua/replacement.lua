-- Replaces groups by the ones of the same id that a rebuild made under a second prefix.
--
-- KEYS     pairs: group:{ID}, group:rebuild:{ID}, ...; :clock, :members and :left follow from them
-- ARGV[1]  the pause of the workers, which the caller must hold; '' if the caller has checked that
--          itself (on a Cluster the pause is in another slot)
-- ARGV[2]  the caller's token of the pause
-- ARGV[3]  what to do with a group that was not rebuilt: 'keep' | 'delete'
--
-- Returns  nil if the caller does not hold the pause: then nothing was written. Otherwise a list,
--          for each group: 'placed' | 'kept' | 'deleted' | 'KEY is a TYPE': it is of the wrong
--          type, so this group was not changed

local call = redis.call
local group_keys, pause_key, token, if_not_rebuilt = KEYS, ARGV[1], ARGV[2], ARGV[3]

local EXPECTED_TYPES = {
  { suffix = '', type = 'hash' },
  { suffix = ':clock', type = 'hash' },
  { suffix = ':members', type = 'zset' },
  { suffix = ':left', type = 'zset' },
}

-- Returns nil if every key of the group is of the expected type, or missing.
local function wrong_type(key)
  for _, expected in ipairs(EXPECTED_TYPES) do
    local found = call('TYPE', key .. expected.suffix).ok
    if found ~= 'none' and found ~= expected.type then
      return key .. expected.suffix .. ' is a ' .. found
    end
  end
end

local function replace(key, rebuilt_key)
  -- every group has a clock: without one the group was placed by an earlier call, or not rebuilt
  local is_rebuilt = call('EXISTS', rebuilt_key .. ':clock') == 1
  if not is_rebuilt and if_not_rebuilt == 'keep' then return 'kept' end
  local conflict = wrong_type(key)
  if conflict then return conflict end
  for _, expected in ipairs(EXPECTED_TYPES) do
    local from, to = rebuilt_key .. expected.suffix, key .. expected.suffix
    call('UNLINK', to) -- RENAME would free a large key on the spot, and hold Redis
    if call('EXISTS', from) == 1 then call('RENAME', from, to) end
  end
  return is_rebuilt and 'placed' or 'deleted'
end

if pause_key ~= '' and call('GET', pause_key) ~= token then return false end
local outcomes = {}
for i = 1, #group_keys, 2 do
  outcomes[#outcomes + 1] = replace(group_keys[i], group_keys[i + 1])
end
return outcomes
