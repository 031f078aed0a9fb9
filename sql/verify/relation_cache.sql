-- The newest relation cache. Row: content. PostgreSQL 15 and newer.
SELECT content FROM rowhouse.relation_caches ORDER BY revision DESC LIMIT 1
