-- Moves the sequence of bigint tenant ids past the ids that are there (given or adopted ones). Not for uuids.
-- Row: 1. PostgreSQL 15 and newer.
SELECT 1 FROM (SELECT setval(s, m) FROM (SELECT pg_get_serial_sequence('rowhouse.tenants', 'id') AS s, max(id::text::bigint) AS m
    FROM rowhouse.tenants) x WHERE s IS NOT NULL AND m > coalesce(pg_sequence_last_value(s::regclass), 0)) y
