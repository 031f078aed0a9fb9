-- What no fitting can make right on Citus, which makes every policy of a shard a permissive one, whatever it is where it was
-- written: one of the app would open what Rowhouse's closes. $1 schema of the tenant set. Row: message, hint. Run with
-- search_path = pg_catalog. Citus 12 and newer.
SELECT format('policy %s of %s is the app''s own', p.polname, p.polrelid::regclass) AS message,
       'Citus would let it widen what a tenant sees: drop it, and say what it says in a view.' AS hint
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND p.polname <> 'rowhouse_tenant'
