-- Queries for the rows of a reference table that cannot leave a copy, since tables of the home refer to them; beside the
-- table stands a temporary one of its name with the rows that may stay. $1 schema of the reference set, $2 table. Row: a
-- query whose rows are a text like 'code (de): 3 rows of public.orders'. PostgreSQL 15 and newer.
SELECT format('SELECT concat(%L, '' ('', concat_ws('', '', %s), ''): '', count(*), '' row'', CASE WHEN count(*) > 1 THEN ''s'' END, '' of %s'')'
              ' FROM %I.%I t JOIN %s c ON %s WHERE NOT EXISTS (SELECT FROM pg_temp.%I n WHERE %s) GROUP BY %s ORDER BY 1 LIMIT 10',
              k.names, k.own, replace(f.conrelid::regclass::text, '''', ''''''), $1::text, $2::text, f.conrelid::regclass,
              (SELECT string_agg(format('t.%I = c.%I', p.attname, o.attname), ' AND ')
               FROM unnest(f.confkey, f.conkey) AS pair (parent, own)
               JOIN pg_attribute p ON p.attrelid = f.confrelid AND p.attnum = pair.parent
               JOIN pg_attribute o ON o.attrelid = f.conrelid AND o.attnum = pair.own),
              $2::text, k.same, k.own)
FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
JOIN pg_constraint f ON f.confrelid = t.oid AND f.contype = 'f' AND f.conparentid = 0 AND f.confdeltype IN ('a', 'r')
CROSS JOIN LATERAL (
    SELECT string_agg(a.attname, ', ' ORDER BY a.attname) AS names,
           string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attname) AS own,
           string_agg(format('t.%I = n.%I', a.attname, a.attname), ' AND ') AS same
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
    WHERE i.indexrelid = coalesce( -- the key of merge.sql
        (SELECT p.indexrelid FROM pg_index p WHERE p.indrelid = t.oid AND p.indisprimary),
        (SELECT min(o.conindid) FROM pg_constraint o WHERE o.confrelid = t.oid AND o.contype = 'f' AND o.conparentid = 0))) k
WHERE s.nspname = $1 AND t.relname = $2 AND k.same IS NOT NULL
  AND f.conrelid NOT IN (SELECT o.oid FROM pg_class o WHERE o.relnamespace = s.oid)
ORDER BY f.conrelid::regclass::text, f.conname
