-- The columns of a table that COPY may fill. $1 schemas to look in, the first that has it wins, $2 table, $3 tenant
-- key, $4 root table. Row: schema, column, is the tenant key, its own sequence or ''. PostgreSQL 15 and newer.
SELECT n.nspname, a.attname,
       a.attname = $3 OR (c.relname = $4 AND n.nspname = ($1::text[])[1] AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
           AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = $3 AND NOT k.attisdropped)),
       coalesce(pg_get_serial_sequence(c.oid::regclass::text, a.attname), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relname = $2 AND n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p')
ORDER BY array_position($1::text[], n.nspname::text), a.attnum
