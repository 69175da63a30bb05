-- Writes what has changed among the connections of one node, and renews its lease. The lease holds the number of the newest write, so
-- the next one sees whether Redis has lost some: it was flushed, or is a replica that had not got them. Where somebody has deleted the
-- hash alone, a field that it is to have tells.
--
-- KEYS: the hash, the node's lease, the set of nodes.
-- ARGV: node, number of the write before (empty: whichever), number of this one, ms of the lease, ms of the hash, a field that is there
-- when this is written (empty: none), how many fields are set, those with their values, then the fields that are deleted.
-- Returns 1, or 0 where Redis has lost what was written.
redis.call('HLEN', KEYS[1]) -- fails before anything is written where the key has another type: it is somebody else's, and must not expire
local before = redis.call('GET', KEYS[2])
local sets = tonumber(ARGV[7])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('SADD', KEYS[3], ARGV[1])
if sets > 0 then
	redis.call('HSET', KEYS[1], unpack(ARGV, 8, 7 + 2 * sets))
end
if #ARGV > 7 + 2 * sets then
	redis.call('HDEL', KEYS[1], unpack(ARGV, 8 + 2 * sets))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
if ARGV[2] ~= '' and before ~= ARGV[2] then
	return 0
end
if ARGV[6] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[6]) == 0 then
	return 0
end
return 1
