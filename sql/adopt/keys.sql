-- How to count the rows of each table of schema public that are not the tenant's. $1 tenant key, $2 root table, $3 type of
-- ids. Row: table, a statement whose $1 is the tenant. Run with search_path = pg_catalog. PostgreSQL 15 and newer.
SELECT c.relname, format('SELECT count(*) FROM public.%I WHERE %I IS DISTINCT FROM $1::%s', c.relname, a.attname, $3::text)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (a.attname = $1 OR (c.relname = $2 AND i.indkey[0] = a.attnum
       AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = $1 AND NOT k.attisdropped)))
ORDER BY 1
