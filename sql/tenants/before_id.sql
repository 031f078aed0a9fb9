-- Moves the sequence of bigint tenant ids past one that is about to be given. Not for uuids. $1 id. No row, or its value.
-- PostgreSQL 15 and newer.
SELECT setval(s, $1::bigint) FROM (SELECT pg_get_serial_sequence('rowhouse.tenants', 'id') AS s) x
WHERE s IS NOT NULL AND $1::bigint > coalesce(pg_sequence_last_value(s::regclass), 0)
