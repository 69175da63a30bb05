-- Appends a record to the log, or only looks how the log stands. Before that it begins an epoch where the log may not be what nodes
-- have read of it. All of it is one step of Redis, and is replicated as one.
--
-- KEYS[1] log, KEYS[2] its head
-- ARGV[1] the highest number that the caller has read
-- ARGV[2] the ID of an epoch, should one begin
-- ARGV[3] an epoch that does not fit what the caller has read, or empty
-- ARGV[4] … the number of the last entry that does, and ARGV[5] its identity
-- ARGV[6] entries with lower numbers are dropped; 0: none
-- ARGV[7] the record's identity, ARGV[8] the record; without them, the log is only looked at
--
-- Returns the epoch, the number with which it has begun, and the number and the identity of the newest entry.
local log, head = KEYS[1], KEYS[2]

local replication = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
if not replication then
  return redis.error_reply('ERR this server does not tell its replication ID')
end
local h = redis.call('HMGET', head, 'replication', 'epoch', 'begin', 'number', 'identity')
local epoch, begin, number, identity = h[2], h[3], tonumber(h[4]) or 0, h[5]

-- Numbers are below 2^53, so a double holds them, and are printed in full.
local function text(n) return string.format('%.0f', n) end

if h[1] ~= replication or not identity or tonumber(ARGV[1]) > number or epoch == ARGV[3] or redis.call('EXISTS', log) == 0 then
  local ended, last, field = 0, '-', 'ended'
  for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-', 'COUNT', 10)) do
    local n, known = string.match(entry[1], '^(%d+)%-0$'), string.match(entry[2][2], '^%d+ (%S+) %S+$')
    if n and known then -- otherwise somebody else has written it
      ended, last = tonumber(n), known
      break
    end
  end
  -- Above all that any node has read: of this log, and, by the clock, of others that it has taken the place of. A clock that is wrong
  -- must not bring it near 2^53.
  number = math.max(number, ended, tonumber(ARGV[1])) + 1048576
  number = math.max(number, math.min(redis.call('TIME')[1], 4294967296) * 1048576)
  if epoch and epoch == ARGV[3] then
    ended, last, field = tonumber(ARGV[4]), ARGV[5], 'voids'
  end
  epoch, begin, identity = ARGV[2], text(number), ARGV[2]
  redis.call('XADD', log, begin .. '-0', 'h', epoch .. ' ' .. identity .. ' ' .. last, field, text(ended))
  redis.call('HSET', head, 'replication', replication, 'epoch', epoch, 'begin', begin, 'number', begin, 'identity', identity)
end

if ARGV[8] then
  number = number + 1
  redis.call('XADD', log, 'MINID', '~', ARGV[6], text(number) .. '-0', 'h', epoch .. ' ' .. ARGV[7] .. ' ' .. identity, 'r', ARGV[8])
  identity = ARGV[7]
  redis.call('HSET', head, 'number', text(number), 'identity', identity)
else
  redis.call('HSET', head, 'looked', text(number)) -- a server that takes no writes says so
end
return {epoch, begin, text(number), identity}
