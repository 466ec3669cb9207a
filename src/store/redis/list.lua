-- Reads everything at one instant; a store that is empty first takes over the records it is given.
--
-- KEYS     1 records  2 expiry  3 automatic  4 targets  5 meta  6 feed
-- ARGV     1 the schema of the caller
--          2 a new epoch, or nothing if there is no seed  3 the seed's halt
--          then four for each record of the seed: field, payload, end of the session, 1 if it is automatic
-- Returns  {schema, min_compatible, epoch, seq, chain, halt}, now, the id of the feed's last entry, {the records};
--          nothing but the first if the schema is older than the caller's, or if there is no epoch and no seed
--
-- A script, so that all of it is of the same instant, and so that of two replicas that find the store empty one seeds.

local records, expiry, automatic, targets, meta, feed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

local function known()
  return redis.call('HMGET', meta, 'schema', 'min_compatible', 'epoch', 'seq', 'chain', 'halt')
end

local state = known()
local behind = tonumber(state[1] or 0) < tonumber(ARGV[1])
if behind or (not state[3] and ARGV[2] == '') then
  return { state, '0', '0-0', {} }
end

if not state[3] then
  redis.call('HSET', meta, 'epoch', ARGV[2], 'seq', '0', 'chain', ARGV[2])
  if redis.call('HLEN', records) == 0 then
    redis.call('DEL', expiry, automatic, targets)
    redis.call('HSETNX', meta, 'halt', ARGV[3])
    for index = 4, #ARGV, 4 do
      local field, ends = ARGV[index], ARGV[index + 2]
      redis.call('HSET', records, field, ARGV[index + 1])
      redis.call('ZADD', targets, 0, field)
      if ends ~= '' then
        redis.call('ZADD', expiry, ends, field)
        if ARGV[index + 3] == '1' then
          redis.call('ZADD', automatic, ends, field)
        end
      end
    end
  end
  state = known()
end

local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return { state, string.format('%.0f', now), last and last[1] or '0-0', redis.call('HVALS', records) }
