-- Sets the membership of a user in a group, in the user index: on a Cluster, where merge.lua cannot
-- do so, because the group's keys are in another slot.
--
-- KEYS[1]  user:{ID}:groups
-- KEYS[2]  user:{ID}:left
-- ARGV[1]  group id
-- ARGV[2]  membership: '' none | clock + 'm' member | clock + 'l' left
-- ARGV[3]  for none: remove an entry as of this clock or before ('inf': any entry)
--
-- Returns  0; the error WRONGTYPE if a key is of the wrong type: then this call wrote nothing

local group_id, membership = ARGV[1], ARGV[2]
local remove_until = tonumber(ARGV[3])

local wanted_scores = {} -- by number of the key
if membership ~= '' then
  local key_number = string.sub(membership, -1) == 'm' and 1 or 2
  wanted_scores[key_number] = tonumber(string.sub(membership, 1, -2))
end

local scores = {}
for i = 1, 2 do scores[i] = tonumber(redis.call('ZSCORE', KEYS[i], group_id)) end

for i = 1, 2 do
  local wanted, stored = wanted_scores[i], scores[i]
  if wanted then
    if stored ~= wanted then redis.call('ZADD', KEYS[i], wanted, group_id) end
  elseif stored and (membership ~= '' or stored <= remove_until) then
    redis.call('ZREM', KEYS[i], group_id)
  end
end
return 0
