-- Reads what one operation is decided on, all of it at one instant.
--
-- KEYS     1 records  2 expiry  3 automatic  4 targets  5 meta  6 feed  7 the operation's own key
-- ARGV     1 how many applications are concerned, then their names
--          then "fields" and fields, or "range" and two lexical bounds, or "everything"
-- Returns  what is remembered of this operation, now,
--          {epoch, seq, schema, min_compatible, halt}, {records, sessions, automatic sessions},
--          {sessions, automatic sessions, of each application}, {the records}
--
-- A script, since a transaction could not look up what it has just found.

local records, expiry, automatic, targets = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local remembered = redis.call('GET', KEYS[7])
if remembered then
  return { remembered, '0', {}, {}, {}, {} }
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local clock = string.format('%.0f', now)

local function live(key, member)
  local score = redis.call('ZSCORE', key, member)
  return score and tonumber(score) > now
end

local per_app = {}
local argument = 2
for _ = 1, tonumber(ARGV[1]) do
  local app = ARGV[argument]
  local sessions, of_those = 0, 0
  for _, field in ipairs(redis.call('ZRANGEBYLEX', targets, '[' .. app .. '\0', '(' .. app .. '\1')) do
    if live(expiry, field) then
      sessions = sessions + 1
    end
    if live(automatic, field) then
      of_those = of_those + 1
    end
  end
  per_app[#per_app + 1] = sessions
  per_app[#per_app + 1] = of_those
  argument = argument + 1
end

local found = {}
local function gather(field)
  local record = redis.call('HGET', records, field)
  if record then
    found[#found + 1] = record
  end
end

local scope = ARGV[argument]
if scope == 'everything' then
  found = redis.call('HVALS', records)
elseif scope == 'range' then
  for _, field in ipairs(redis.call('ZRANGEBYLEX', targets, ARGV[argument + 1], ARGV[argument + 2])) do
    gather(field)
  end
else
  for index = argument + 1, #ARGV do
    gather(ARGV[index])
  end
end

local occupancy = {
  redis.call('HLEN', records),
  redis.call('ZCOUNT', expiry, '(' .. clock, '+inf'),
  redis.call('ZCOUNT', automatic, '(' .. clock, '+inf'),
}
local meta = redis.call('HMGET', KEYS[5], 'epoch', 'seq', 'schema', 'min_compatible', 'halt')
return { false, clock, meta, occupancy, per_app, found }
