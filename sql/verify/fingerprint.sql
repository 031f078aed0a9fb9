-- A statement for each table of a home that gives its rows as text, a tenant's only where the table has the tenant key.
-- $1 schema, $2 tenant key ('': none), $3 root, $4 tenant, $5 'all' for the rows of every tenant. Row: table, statement.
-- PostgreSQL 15 and newer.
SELECT c.relname,
       format('SELECT to_jsonb(t)::text FROM %I.%I t', n.nspname, c.relname)
       || CASE WHEN k.attname IS NULL OR $5 = 'all' THEN '' ELSE format(' WHERE t.%I = %L', k.attname, $4::text) END || ' ORDER BY 1'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
LEFT JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped AND $2 <> ''
    AND (k.attname = $2 OR c.relname = $3 AND i.indkey[0] = k.attnum
         AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = $2 AND NOT o.attisdropped))
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname
