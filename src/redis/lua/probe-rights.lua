-- Which rights the user lacks that the other scripts need. Nothing is read or written.
--
-- KEYS     group:{%}, user:{%}, group-traits:applied:{%}, group-traits:paused:{%}: keys that
--          nothing ever stands at
-- Returns  what is refused: 'HSET on group:{%}', ...

local group, user, marks, pause = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local probes = {
  { 'HGET', group .. ':clock', '' }, { 'HMGET', group, '' }, { 'HLEN', group },
  { 'HSCAN', group, '0' }, { 'HGETALL', group }, { 'HDEL', group, '' },
  { 'HSET', group, 'a', 'b', 'c' }, -- one argument short: fails after the rights are looked at
  { 'ZADD', group .. ':members', 'XX', '0', 'a' }, { 'ZADD', user .. ':groups', 'XX', '0', 'a' },
  { 'ZREM', group .. ':members', 'a' }, { 'ZREM', user .. ':groups', 'a' },
  { 'ZSCORE', user .. ':groups', 'a' }, { 'ZMSCORE', group .. ':members', 'a' },
  { 'ZCARD', group .. ':members' }, { 'ZCOUNT', group .. ':members', '0', '0' },
  { 'ZRANGEBYSCORE', group .. ':members', '0', '0' },
  { 'ZREVRANGEBYSCORE', group .. ':members', '0', '0' },
  { 'EXISTS', group }, { 'TYPE', group },
  { 'EXISTS', pause }, { 'HGETALL', marks }, { 'HGET', marks, '' }, { 'HSET', marks, 'a', 'b', 'c' },
}

-- as Redis says it before 7, since 7, and outside of scripts
local function is_refusal(text)
  return string.find(text, 'The user executing', 1, true)
    or string.find(text, 'ACL failure', 1, true)
    or string.find(text, 'NOPERM', 1, true)
end

local missing = {}
for _, probe in ipairs(probes) do
  local reply = redis.pcall(unpack(probe))
  if type(reply) == 'table' and reply.err and is_refusal(reply.err) then
    missing[#missing + 1] = probe[1] .. ' on ' .. probe[2]
  end
end
return missing
