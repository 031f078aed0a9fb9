-- What no fitting can make right, whatever way it came about: lint reads the migrations, this reads their result.
-- $1 schema of the tenant set, $2 tenant key, $3 root table, $4 whose home it is: '' everybody's (shared), else anything.
-- Row: message, hint. Run with search_path = pg_catalog. PostgreSQL 15 and newer.
WITH keyed AS (
    SELECT c.oid, c.relname, a.attname AS key, a.attnum, a.attnotnull
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND $4::text = '' AND (a.attname = $2 OR (
        c.relname = $3 AND i.indkey[0] = a.attnum
        AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = $2 AND NOT k.attisdropped)))
), source AS (
    SELECT p.oid::regprocedure::text AS name, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS text
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rowhouse') AND l.lanname NOT IN ('c', 'internal')
      AND p.prokind <> 'a'
      -- another home's are checked with that home: to print their bodies would lock its tables, against whoever migrates it
      AND (n.nspname = $1 OR coalesce(obj_description(n.oid, 'pg_namespace'), '') !~ '^rowhouse home -?[0-9]+$')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT format('%s.%s may be NULL', relname, key) AS message, 'Such a row would belong to no tenant: SET NOT NULL.' AS hint
FROM keyed WHERE NOT attnotnull
UNION ALL
SELECT format('the unique index %s of %s does not include %s', i.indexrelid::regclass, k.relname, k.key),
       'Tenants would see each other''s values by collision: put the key into it.'
FROM keyed k JOIN pg_index i ON i.indrelid = k.oid
WHERE (i.indisunique OR i.indisexclusion) AND NOT k.attnum = ANY (i.indkey::smallint[])
UNION ALL
SELECT format('the foreign key %s of %s does not pair %s with %s.%s', f.conname, k.relname, k.key, t.relname, t.key),
       'It could point to another tenant''s row: put the key on both sides.'
FROM keyed k JOIN pg_constraint f ON f.conrelid = k.oid AND f.contype = 'f' JOIN keyed t ON t.oid = f.confrelid
WHERE NOT EXISTS (SELECT FROM unnest(f.conkey, f.confkey) AS pair (own, other) WHERE own = k.attnum AND other = t.attnum)
UNION ALL
SELECT format('function %s names the setting rowhouse.tenant', name),
       'A function that binds another tenant shows its rows: use rowhouse.tenant_id(), which only reads it.'
FROM source WHERE text ~* 'rowhouse[[:space:]"]*[.][[:space:]"]*tenant(?!_id)'
UNION ALL
SELECT format('function %s calls set_config with a name that is not written out', name),
       'The name could be that of the tenant''s binding: write it as a literal.'
FROM source WHERE text ~* 'set_config[[:space:]"]*[(][[:space:]]*[^[:space:]'']'
UNION ALL
SELECT format('function %s changes a setting of the session', name),
       'It would outlive the request and meet the next tenant''s: call set_config with true, for the transaction.'
FROM source WHERE text ~* 'set_config[[:space:]"]*[(][^)]*,[[:space:]]*false[[:space:]]*[)]'
