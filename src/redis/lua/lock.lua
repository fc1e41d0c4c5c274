-- Extends a lock, or releases it, if the caller still holds it.
--
-- KEYS[1]  the lock: a string, the token of its owner
-- ARGV[1]  token of the caller
-- ARGV[2]  new time to live in milliseconds; 0: release it
--
-- Returns  1; 0 if the caller does not hold it any more: then this call changed nothing

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
