-- The primary key of a table, when it is one column. $1 schema, $2 table. Row: column.
-- No row: no such table or key. PostgreSQL 15 and newer.
SELECT a.attname
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND n.nspname = $1 AND c.relname = $2
