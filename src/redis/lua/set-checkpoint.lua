-- Sets the mark of a partition, where it still is what the caller last saw.
--
-- KEYS[1]  the marks: a hash, partition -> next offset
-- KEYS[2]  while it is there, the workers are paused (lease.ts, taken by a rebuild)
-- ARGV[1]  partition
-- ARGV[2]  what was seen, '' for none
-- ARGV[3]  next offset
--
-- Returns  'set', 'other' where something else stands there, 'paused'

if redis.call('EXISTS', KEYS[2]) == 1 then return 'paused' end
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 'other' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'set'
