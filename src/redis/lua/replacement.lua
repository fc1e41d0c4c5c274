-- Puts groups in the place of those of the same id: what was folded anew, under another prefix.
--
-- KEYS     group:{ID}, group:rebuild:{ID}, ...; :clock, :members and :left follow from them
-- ARGV[1]  the pause of the workers, which must be held; '' where the caller answers for that
--          (on a Cluster it is in another slot)
-- ARGV[2]  its token
-- ARGV[3]  a group that has nothing new: 'keep' | 'delete'
--
-- Returns  nothing where the pause is not held: then nothing was written. Otherwise a list, one a
--          group: 'placed' | 'kept' | 'deleted' | 'KEY is a TYPE': a foreign key, nothing done
--
-- Old keys are unlinked first: RENAME itself would free a large one at once.

local call = redis.call
local TYPES = { { '', 'hash' }, { ':clock', 'hash' }, { ':members', 'zset' }, { ':left', 'zset' } }

local function foreign(key)
  for _, each in ipairs(TYPES) do
    local found = call('TYPE', key .. each[1]).ok
    if found ~= 'none' and found ~= each[2] then return key .. each[1] .. ' is a ' .. found end
  end
end

local function replace(key, new_key)
  -- every group has a clock: without one it was placed before, or there is nothing new
  local is_new = call('EXISTS', new_key .. ':clock') == 1
  if not is_new and ARGV[3] == 'keep' then return 'kept' end
  local conflict = foreign(key)
  if conflict then return conflict end
  for _, each in ipairs(TYPES) do
    local suffix = each[1]
    call('UNLINK', key .. suffix)
    if call('EXISTS', new_key .. suffix) == 1 then call('RENAME', new_key .. suffix, key .. suffix) end
  end
  return is_new and 'placed' or 'deleted'
end

if ARGV[1] ~= '' and call('GET', ARGV[1]) ~= ARGV[2] then return false end
local outcomes = {}
for i = 1, #KEYS, 2 do outcomes[#outcomes + 1] = replace(KEYS[i], KEYS[i + 1]) end
return outcomes
