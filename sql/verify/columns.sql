-- The columns of the tables of a schema, tables that are referred to first, with what is needed to make up a row.
-- $1 schema, $2 tenant key ('': none), $3 root. Row: table, is the root, column, type (a domain's own), kind of type, or of
-- its elements (b base, e enum, c composite, r range ...), length of a varchar or '', digits before the point of a numeric
-- or '', type of an array's elements or '', may not be NULL, has a default, is the tenant key, words that its checks and
-- its enum name (JSON array), names of its checks (JSON array). PostgreSQL 15 and newer.
WITH RECURSIVE tables AS (
    SELECT c.oid, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), depth AS ( -- how far a table stands above the tables that refer to it; cycles end at the number of tables
    SELECT oid, 0 AS level FROM tables
    UNION
    SELECT f.confrelid, d.level + 1
    FROM depth d JOIN pg_constraint f ON f.conrelid = d.oid AND f.contype = 'f' AND f.confrelid <> f.conrelid
    WHERE d.level < (SELECT count(*) FROM tables)
), place AS (
    SELECT t.oid, t.relname, max(d.level) AS level FROM tables t JOIN depth d ON d.oid = t.oid GROUP BY t.oid, t.relname
), checks AS (
    SELECT a.attrelid, a.attnum, c.conname, pg_get_constraintdef(c.oid) AS text
    FROM pg_attribute a JOIN pg_constraint c
      ON c.contype = 'c' AND (c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey) OR c.contypid = a.atttypid AND c.contypid <> 0)
)
SELECT p.relname, p.relname = $3, a.attname, b.typname, coalesce(e.typtype, b.typtype),
       CASE WHEN coalesce(e.typname, b.typname) IN ('varchar', 'bpchar') AND m.typmod > 4 THEN (m.typmod - 4)::text ELSE '' END,
       CASE WHEN coalesce(e.typname, b.typname) = 'numeric' AND m.typmod > 4 THEN (((m.typmod - 4) >> 16) - ((m.typmod - 4) & 1023))::text ELSE '' END,
       coalesce(e.typname, ''),
       a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
       $2 <> '' AND (a.attname = $2 OR p.relname = $3 AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
           AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = p.oid AND k.attname = $2 AND NOT k.attisdropped)),
       (SELECT coalesce(jsonb_agg(word), '[]') FROM (
           SELECT l.enumlabel::text AS word FROM pg_enum l WHERE l.enumtypid = coalesce(e.oid, b.oid)
           UNION ALL
           SELECT w[1] FROM checks k, regexp_matches(k.text, '''([^'']+)''', 'g') AS w
           WHERE k.attrelid = a.attrelid AND k.attnum = a.attnum) words),
       (SELECT coalesce(jsonb_agg(k.conname), '[]') FROM checks k WHERE k.attrelid = a.attrelid AND k.attnum = a.attnum)
FROM place p
JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS typmod) m
LEFT JOIN pg_index i ON i.indrelid = p.oid AND i.indisprimary
ORDER BY p.level DESC, p.relname, a.attnum
