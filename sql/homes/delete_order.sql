-- Statements that delete a tenant's rows from a shared home, tables that refer to others before those. $1 schema,
-- $2 tenant key, $3 root. Row: a statement whose $1 is the tenant. PostgreSQL 15 and newer.
WITH RECURSIVE tables AS (
    SELECT c.oid, c.relname, a.attname AS key
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
SELECT format('DELETE FROM %I.%I WHERE %I = $1', $1::text, t.relname, t.key)
FROM tables t JOIN (SELECT oid, max(level) AS level FROM depth GROUP BY oid) d ON d.oid = t.oid
ORDER BY d.level, t.relname
