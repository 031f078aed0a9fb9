-- The foreign keys of the tables of a schema, a row for each column of each. $1 schema. Row: table, constraint, column,
-- schema, table and column it refers to. PostgreSQL 15 and newer.
SELECT c.relname, f.conname, a.attname, rn.nspname, r.relname, ra.attname
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = f.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS pair (own, other, place)
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = pair.own
JOIN pg_attribute ra ON ra.attrelid = f.confrelid AND ra.attnum = pair.other
WHERE f.contype = 'f' AND n.nspname = $1 AND NOT c.relispartition
ORDER BY c.relname, f.conname, pair.place
