-- Reads all that stands of a group, at one moment.
--
-- KEYS[1]  group:{ID}
-- ARGV[1]  how many members, and how many who left, at most; the latest first
-- Returns  { traits, clocks, members, number of members, left, number of left }
--            lists are flat pairs; users as of the erasure floor or before are not counted

local key, limit = KEYS[1], ARGV[1]
local head = redis.call('HGET', key .. ':clock', '')
local floor = head and #head == 32 and '(' .. string.sub(head, 17) or '-inf'

local function users(set)
  return redis.call('ZREVRANGEBYSCORE', set, '+inf', floor, 'WITHSCORES', 'LIMIT', '0', limit),
    redis.call('ZCOUNT', set, floor, '+inf')
end

local members, member_count = users(key .. ':members')
local left, left_count = users(key .. ':left')
return {
  redis.call('HGETALL', key), redis.call('HGETALL', key .. ':clock'),
  members, member_count, left, left_count,
}
