-- Sets the checkpoint of a partition, if it still is what the caller expects.
--
-- KEYS[1]  the checkpoints: a hash, partition -> next offset
-- KEYS[2]  the pause: while this key exists, a rebuild holds all checkpoints
-- ARGV[1]  partition
-- ARGV[2]  the expected checkpoint; '' for none
-- ARGV[3]  the new checkpoint
--
-- Returns  'set' | 'other': there is another one | 'paused'; only 'set' wrote anything

if redis.call('EXISTS', KEYS[2]) == 1 then return 'paused' end
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 'other' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'set'
