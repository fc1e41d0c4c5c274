-- Renews a lease that is still its owner's, or gives it back.
--
-- KEYS[1]  the lease: a string, the token of its owner
-- ARGV[1]  token of the caller
-- ARGV[2]  for how many milliseconds more; 0: give it back
-- Returns  1; 0 where it is not the caller's any more: then nothing was changed

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
