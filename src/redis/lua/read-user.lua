-- Reads the groups of a user, from the user index, as of one moment.
--
-- KEYS[1]  user:{ID}:groups
-- KEYS[2]  user:{ID}:left
-- ARGV[1]  how many groups of each, at most; the latest come first
--
-- Returns  { groups, number of groups, left, number of left }
--            lists are flat pairs: group id, score

local last = ARGV[1] - 1

local function read_groups(set_key)
  return {
    latest = redis.call('ZREVRANGE', set_key, '0', last, 'WITHSCORES'),
    count = redis.call('ZCARD', set_key),
  }
end

local groups, left = read_groups(KEYS[1]), read_groups(KEYS[2])
return { groups.latest, groups.count, left.latest, left.count }
