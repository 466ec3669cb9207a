-- Tells where the store is, and what it has added to the feed since: what a blocking read never reports.
--
-- KEYS     1 meta  2 feed
-- ARGV     1 the id of the last entry that the reader has seen  2 how many entries to return at most
-- Returns  {epoch, seq, chain}, {the entries}
--
-- A script, so that both are of the same instant.

return {
  redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'chain'),
  redis.call('XRANGE', KEYS[2], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
