-- Adds errors to sliding windows, once, and tells what each window's count is with them.
--
-- KEYS     1 meta  2 windows  3 the operation's own key
--          then two for each tally: its window, and the windows of its application
-- ARGV     1 the schema of the caller  2 ms in a bucket  3 buckets in a window  4 ms until an untouched window is gone
--          5 the most windows  6 the most of one application  7 for how many ms to remember the answer
--          then two for each tally: field, errors
-- Returns  for each tally its window's count, or F if as many are kept as may be; or nothing, and the schema and
--          min_compatible of the store, if the caller may not write
--
-- A script, since the bucket depends on the store's clock and the limits on what is there. Everything is read first,
-- and the first write is one that a server without memory, disk or replicas refuses.

local meta, windows = KEYS[1], KEYS[2]
local remembered = redis.call('GET', KEYS[3])
if remembered then
  return { remembered, '', '' }
end
local version = redis.call('HMGET', meta, 'schema', 'min_compatible')
local schema, min_compatible = version[1] or '0', version[2] or '0'
if tonumber(schema) < tonumber(ARGV[1]) or tonumber(min_compatible) > tonumber(ARGV[1]) then
  return { false, schema, min_compatible }
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local current = math.floor(now / tonumber(ARGV[2]))
local buckets, kept = tonumber(ARGV[3]), ARGV[4]
local clock, ends = string.format('%.0f', now), string.format('%.0f', now + tonumber(kept))

local function live(set)
  return redis.call('ZCOUNT', set, '(' .. clock, '+inf')
end

local tallies = (#ARGV - 7) / 2
local fields = {}
for tally = 1, tallies do
  fields[tally] = ARGV[6 + tally * 2]
end
local total = live(windows)
local of_app, is_kept, is_new = {}, {}, {}
for tally, field in ipairs(fields) do
  local app = KEYS[3 + tally * 2]
  of_app[app] = of_app[app] or live(app)
  if not is_kept[field] then
    local score = redis.call('ZSCORE', windows, field)
    if score and tonumber(score) > now then
      is_kept[field] = true
    elseif total < tonumber(ARGV[5]) and of_app[app] < tonumber(ARGV[6]) then
      is_kept[field], is_new[field] = true, true
      total = total + 1
      of_app[app] = of_app[app] + 1
    end
  end
end

-- What is left to write of each set of windows: scores and fields.
local renewed = { [windows] = {} }
local function renew(set, field)
  renewed[set] = renewed[set] or {}
  local pairs_of_set = renewed[set]
  pairs_of_set[#pairs_of_set + 1] = ends
  pairs_of_set[#pairs_of_set + 1] = field
end

-- A bucket has begun, so others have lapsed, and the window is kept for longer. Within a bucket nothing else changes.
local function begin_bucket(window)
  redis.call('PEXPIRE', window, kept)
  local sum, counts = 0, redis.call('HGETALL', window)
  for index = 1, #counts, 2 do
    if math.abs(current - tonumber(counts[index])) >= buckets then
      redis.call('HDEL', window, counts[index])
    else
      sum = sum + tonumber(counts[index + 1])
    end
  end
  return sum
end

local function sum_of(window)
  local sum = 0
  for _, count in ipairs(redis.call('HVALS', window)) do
    sum = sum + tonumber(count)
  end
  return sum
end

local answers, bucket = {}, string.format('%.0f', current)
for tally, field in ipairs(fields) do
  local window, errors = KEYS[2 + tally * 2], ARGV[7 + tally * 2]
  if is_kept[field] then
    local count = redis.call('HINCRBY', window, bucket, errors)
    local is_first = count == tonumber(errors) or is_new[field]
    if is_first then
      renew(windows, field)
      renew(KEYS[3 + tally * 2], field)
    end
    answers[tally] = string.format('%.0f', is_first and begin_bucket(window) or sum_of(window))
  else
    answers[tally] = 'F'
  end
end

local unpack = table.unpack or unpack
local answer = table.concat(answers, ' ')
redis.call('SET', KEYS[3], answer, 'PX', ARGV[7])
for set, pairs_of_set in pairs(renewed) do
  if #pairs_of_set > 0 then
    redis.call('ZADD', set, unpack(pairs_of_set))
    redis.call('ZREMRANGEBYSCORE', set, '-inf', clock)
    redis.call('PEXPIRE', set, kept)
  end
end
return { answer, '', '' }
