-- Sets how a user stands to a group in the user index (on a Cluster, where the group's keys are
-- in another slot).
--
-- KEYS     user:{ID}:groups, user:{ID}:left
-- ARGV[1]  group id
-- ARGV[2]  the standing: '' none | clock + 'm' member | clock + 'l' left
-- ARGV[3]  with none: up to which clock an entry is to go, inclusive ('inf': any)
-- Returns  0; a foreign type at one of the keys is an error, WRONGTYPE, and nothing is written

local group_id, standing = ARGV[1], ARGV[2]
local wanted = {}
if standing ~= '' then
  wanted[string.sub(standing, -1) == 'm' and 1 or 2] = tonumber(string.sub(standing, 1, -2))
end

local scores = {}
for i = 1, 2 do scores[i] = tonumber(redis.call('ZSCORE', KEYS[i], group_id) or nil) end
for i = 1, 2 do
  if wanted[i] then
    if scores[i] ~= wanted[i] then redis.call('ZADD', KEYS[i], wanted[i], group_id) end
  elseif scores[i] and (standing ~= '' or scores[i] <= tonumber(ARGV[3])) then
    redis.call('ZREM', KEYS[i], group_id)
  end
end
return 0
