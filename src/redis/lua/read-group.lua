-- Reads all of a group as of one moment. What was erased is left out of the users; the caller does
-- so for the traits.
--
-- KEYS[1]  group:{ID}; :clock, :members and :left follow from it
-- ARGV[1]  how many members, and how many who left, at most; the latest come first
--
-- Returns  { traits, clocks, members, number of members, left, number of left }
--            lists are flat pairs: name, value | name, clock field | user id, score

local key, limit = KEYS[1], ARGV[1]
local header = redis.call('HGET', key .. ':clock', '')
local is_erased = header and #header == 32
local after_erasure = is_erased and '(' .. string.sub(header, 17) or '-inf'

local function read_users(set_key)
  return {
    latest = redis.call(
      'ZREVRANGEBYSCORE', set_key, '+inf', after_erasure, 'WITHSCORES', 'LIMIT', '0', limit),
    count = redis.call('ZCOUNT', set_key, after_erasure, '+inf'),
  }
end

local members, left = read_users(key .. ':members'), read_users(key .. ':left')
return {
  redis.call('HGETALL', key), redis.call('HGETALL', key .. ':clock'),
  members.latest, members.count, left.latest, left.count,
}
