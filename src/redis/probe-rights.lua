-- Which rights the user lacks that the other scripts need. Nothing is read or written.
--
-- KEYS     group:{%}, user:{%}: keys that nothing ever stands at
-- Returns  the commands that are refused, and the keys

local group, user = KEYS[1], KEYS[2]
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
}

local missing, seen = {}, {}
for _, probe in ipairs(probes) do
  local reply = redis.pcall(unpack(probe))
  local text = type(reply) == 'table' and reply.err or ''
  local lack
  if string.find(text, 'the keys', 1, true) or string.find(text, ' a key', 1, true) then
    lack = 'the keys ' .. (string.sub(probe[2], 1, #user) == user and user or group) .. '*'
  elseif string.find(text, 'NOPERM', 1, true) or string.find(text, "can't run this command", 1, true) then
    lack = probe[1]
  end
  if lack and not seen[lack] then
    seen[lack] = true
    missing[#missing + 1] = lack
  end
end
return missing
