-- Deletes fields of a node, or forgets the node, unless it has a lease: it may have come back since it was looked for.
--
-- KEYS: the hash, the node's lease, the set of nodes. ARGV: the node, the fields; without any, it is forgotten.
if redis.call('EXISTS', KEYS[2]) == 1 then
	return 0
end
if #ARGV == 1 then
	return redis.call('SREM', KEYS[3], ARGV[1])
end
return redis.call('HDEL', KEYS[1], unpack(ARGV, 2))
