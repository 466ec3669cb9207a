-- From nothing to schema 1.
--
-- KEYS     1 records  2 expiry  3 automatic  4 targets  5 meta  6 feed  7 windows
-- Returns  1 if it migrated, 0 if somebody else had
--
-- records    HASH    app NUL environment NUL endpoint (nothing for the whole application) -> the record as JSON
-- expiry     ZSET    the same name -> end of its session in ms; records without a session are not in it
-- automatic  ZSET    those of expiry that an automatic source opened
-- targets    ZSET    every name of records at score 0, for ranges by prefix
-- meta       HASH    schema, min_compatible, epoch, seq, chain, halt; the epoch is set by whoever lists first
-- feed       STREAM  epoch, seq, chain, op (put | del | halt), payload (record, name, halt)
-- windows    ZSET    the same name -> when the error window window:<name> is gone
--
-- Beside these: op:<id>, a remembered decision; window:<name>, a HASH of bucket -> errors; windows:<app>, as windows.

local meta = KEYS[5]
if redis.call('HEXISTS', meta, 'schema') == 1 then
  return 0
end
redis.call('HSET', meta, 'schema', '1', 'min_compatible', '1')
return 1
