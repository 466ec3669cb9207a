-- Writes what was decided, unless something was written since its records were loaded.
--
-- KEYS     1 records  2 expiry  3 automatic  4 targets  5 meta  6 feed  7 the operation's own key
-- ARGV     1 epoch  2 seq  3 schema  4 min_compatible, as loaded  5 the instant of the decision
--          6 the decision  7 for how many ms to remember it  8 how many entries the feed keeps
--          then five for each change: put | del | halt, field, payload, end of the session, 1 if it is automatic
-- Returns  {"committed", seq, chain}, {"remembered", "seq epoch chain decision", ""}, or {"conflict", "", ""}
--
-- A script, since WATCH does not work on a shared connection. Lua has no rollback: everything is read and computed
-- first, and the first write is one that a server without memory, disk or replicas refuses.

local records, expiry, automatic, targets, meta, feed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local remembered = redis.call('GET', KEYS[7])
if remembered then
  return { 'remembered', remembered, '' }
end

local known = redis.call('HMGET', meta, 'epoch', 'seq', 'schema', 'min_compatible', 'chain')
for index = 1, 4 do
  if known[index] ~= ARGV[index] then
    return { 'conflict', '', '' }
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if math.abs(now - tonumber(ARGV[5])) > 1000 then
  return { 'conflict', '', '' }
end

local epoch, seq, chain = known[1], tonumber(known[2]), known[5]
local entries = {}
for index = 9, #ARGV, 5 do
  seq = seq + 1
  chain = redis.sha1hex(chain .. ARGV[index + 2])
  entries[#entries + 1] = { string.format('%.0f', seq), chain, ARGV[index], ARGV[index + 2] }
end
local number = string.format('%.0f', seq)

for _, entry in ipairs(entries) do
  redis.call(
    'XADD', feed, 'MAXLEN', '~', ARGV[8], '*',
    'epoch', epoch, 'seq', entry[1], 'chain', entry[2], 'op', entry[3], 'payload', entry[4]
  )
end
redis.call('HSET', meta, 'seq', number, 'chain', chain)

local put, named, gone, held, ended, of_sources, of_nobody = {}, {}, {}, {}, {}, {}, {}
for index = 9, #ARGV, 5 do
  local op, field, payload, ends = ARGV[index], ARGV[index + 1], ARGV[index + 2], ARGV[index + 3]
  if op == 'halt' then
    redis.call('HSET', meta, 'halt', payload)
  else
    if op == 'put' then
      local last = #put
      put[last + 1], put[last + 2] = field, payload
      named[last + 1], named[last + 2] = '0', field
    else
      gone[#gone + 1] = field
    end
    if ends ~= '' then
      local last = #held
      held[last + 1], held[last + 2] = ends, field
    else
      ended[#ended + 1] = field
    end
    if ends ~= '' and ARGV[index + 4] == '1' then
      local last = #of_sources
      of_sources[last + 1], of_sources[last + 2] = ends, field
    else
      of_nobody[#of_nobody + 1] = field
    end
  end
end

-- All of one kind in one call, which costs more than what it does; in parts, since Lua's stack is bounded.
local PART = 1000
local unpack = table.unpack or unpack
local function call(command, key, list)
  for first = 1, #list, PART do
    redis.call(command, key, unpack(list, first, math.min(first + PART - 1, #list)))
  end
end
call('HSET', records, put)
call('ZADD', targets, named)
call('HDEL', records, gone)
call('ZREM', targets, gone)
call('ZADD', expiry, held)
call('ZREM', expiry, ended)
call('ZADD', automatic, of_sources)
call('ZREM', automatic, of_nobody)
redis.call('SET', KEYS[7], table.concat({ number, epoch, chain, ARGV[6] }, ' '), 'PX', ARGV[7])
return { 'committed', number, chain }
