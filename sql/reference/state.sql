-- The reference tables of a database, those that others refer to first. $1 schema of the reference set. Row: table, its
-- revision ('' when nobody counts), what a copy of it notes ('' then, too), columns that hold values, version of the
-- set, all of it in one word ('unknown' when nobody counts). No row: there are none. PostgreSQL 15 and newer.
WITH RECURSIVE tables AS (
    SELECT c.oid, c.relname, coalesce(r.revision, '') AS revision,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN rowhouse.reference_revisions r ON r.name = c.relname
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), depth AS ( -- how far a table stands above the tables that refer to it; cycles end at the number of tables
    SELECT oid, 0 AS level FROM tables
    UNION
    SELECT f.confrelid, d.level + 1
    FROM depth d JOIN pg_constraint f ON f.conrelid = d.oid AND f.contype = 'f' AND f.confrelid <> f.conrelid
    WHERE d.level < (SELECT count(*) FROM tables)
), version AS (
    SELECT coalesce(max(number), 0) AS number FROM rowhouse.applied_migrations WHERE home = 0 AND set = 'reference'
)
SELECT t.relname, t.revision, CASE WHEN t.revision <> '' THEN t.revision || '/' || v.number ELSE '' END, t.columns, v.number,
       (SELECT CASE WHEN bool_and(s.revision <> '')
                    THEN md5(v.number || string_agg(quote_ident(s.relname) || ' ' || s.revision, ',' ORDER BY s.relname))
                    ELSE 'unknown' END FROM tables s)
FROM tables t JOIN (SELECT oid, max(level) AS level FROM depth GROUP BY oid) d ON d.oid = t.oid CROSS JOIN version v
WHERE t.columns <> ''
ORDER BY d.level DESC, t.relname
