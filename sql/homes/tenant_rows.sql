-- How to copy a tenant's rows out of a shared home and in again, tables that are referred to first, and how to delete them,
-- from the last row to the first. $1 schema, $2 tenant key, $3 root, $4 tenant. Row: COPY ... TO STDOUT, COPY ... FROM stdin,
-- DELETE. PostgreSQL 15 and newer.
WITH RECURSIVE tables AS (
    SELECT c.oid, c.relname, a.attname AS key,
           (SELECT string_agg(quote_ident(k.attname), ', ' ORDER BY k.attnum) FROM pg_attribute k
            WHERE k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped AND k.attgenerated = '') AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (a.attname = $2 OR (c.relname = $3 AND i.indkey[0] = a.attnum
           AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = $2 AND NOT k.attisdropped)))
), depth AS ( -- how far a table stands above the tables that refer to it; cycles end at the number of tables
    SELECT oid, 0 AS level FROM tables
    UNION
    SELECT f.confrelid, d.level + 1
    FROM depth d JOIN pg_constraint f ON f.conrelid = d.oid AND f.contype = 'f' AND f.confrelid <> f.conrelid
    WHERE d.level < (SELECT count(*) FROM tables)
)
SELECT format('COPY (SELECT %s FROM %I.%I WHERE %I = %L) TO STDOUT', t.columns, $1::text, t.relname, t.key, $4::text),
       format('COPY %I.%I (%s) FROM stdin;', $1::text, t.relname, t.columns),
       format('DELETE FROM %I.%I WHERE %I = %L', $1::text, t.relname, t.key, $4::text)
FROM tables t JOIN (SELECT oid, max(level) AS level FROM depth GROUP BY oid) d ON d.oid = t.oid
ORDER BY d.level DESC, t.relname
