-- Reads the groups of a user, at one moment.
--
-- KEYS     user:{ID}:groups, user:{ID}:left
-- ARGV[1]  how many groups of each, at most; the latest first
-- Returns  { groups, number of groups, left, number of left }; lists are flat pairs

local function groups(set)
  return redis.call('ZREVRANGE', set, '0', ARGV[1] - 1, 'WITHSCORES'), redis.call('ZCARD', set)
end

local joined, joined_count = groups(KEYS[1])
local left, left_count = groups(KEYS[2])
return { joined, joined_count, left, left_count }
