-- Finds out which commands and keys that the scripts need are forbidden to this user. Reads and
-- writes nothing: the keys never exist, and commands that write get too few arguments, or XX.
--
-- KEYS[1]  group:{%}
-- KEYS[2]  user:{%}
-- KEYS[3]  group-traits:applied:{%}:, the checkpoints
-- KEYS[4]  group-traits:paused:{%}:, the pause
--
-- Returns  what is forbidden: 'HSET on group:{%}', ...

local group, user, checkpoints, pause = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local probes = {
  { 'HGET', group .. ':clock', '' }, { 'HMGET', group, '' }, { 'HLEN', group },
  { 'HSCAN', group, '0' }, { 'HGETALL', group }, { 'HDEL', group, '' },
  { 'HSET', group, 'a', 'b', 'c' }, -- one argument is missing: it fails after the check of rights
  { 'ZADD', group .. ':members', 'XX', '0', 'a' }, { 'ZADD', user .. ':groups', 'XX', '0', 'a' },
  { 'ZREM', group .. ':members', 'a' }, { 'ZREM', user .. ':groups', 'a' },
  { 'ZSCORE', user .. ':groups', 'a' }, { 'ZMSCORE', group .. ':members', 'a' },
  { 'ZCARD', group .. ':members' }, { 'ZCOUNT', group .. ':members', '0', '0' },
  { 'ZRANGEBYSCORE', group .. ':members', '0', '0' },
  { 'ZREVRANGEBYSCORE', group .. ':members', '0', '0' },
  { 'EXISTS', group }, { 'TYPE', group },
  { 'EXISTS', pause },
  { 'HGETALL', checkpoints }, { 'HGET', checkpoints, '' }, { 'HSET', checkpoints, 'a', 'b', 'c' },
}

-- The texts of Redis before 7, of Redis 7 and later, and of a command outside of scripts.
local FORBIDDEN_TEXTS = { 'The user executing', 'ACL failure', 'NOPERM' }

local function is_forbidden(reply)
  local failure = type(reply) == 'table' and reply.err
  if not failure then return false end
  for _, text in ipairs(FORBIDDEN_TEXTS) do
    if string.find(failure, text, 1, true) then return true end
  end
  return false
end

local forbidden = {}
for _, probe in ipairs(probes) do
  if is_forbidden(redis.pcall(unpack(probe))) then
    forbidden[#forbidden + 1] = probe[1] .. ' on ' .. probe[2]
  end
end
return forbidden
