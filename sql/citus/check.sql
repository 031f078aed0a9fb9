-- What no fitting can make right on Citus. It makes every policy of a shard a permissive one, whatever it is where it was
-- written: one of the app would open what Rowhouse's closes. And it moves shards as a member of the owner, whom no policy
-- stops there: a function that runs as the owner would see every tenant. $1 schema of the tenant set, $2 of the reference set.
-- Row: message, hint. Run with search_path = pg_catalog. Citus 12 and newer.
SELECT format('policy %s of %s is the app''s own', p.polname, p.polrelid::regclass) AS message,
       'Citus would let it widen what a tenant sees: drop it, and say what it says in a view.' AS hint
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND p.polname <> 'rowhouse_tenant'
UNION ALL
SELECT format('function %s is SECURITY DEFINER', p.oid::regprocedure),
       'On Citus it would run without row security: make it SECURITY INVOKER.'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname IN ($1, $2) AND p.prosecdef
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
