-- What a session finds in its database: relations, and functions that read and need no argument. Row: what
-- (table, catalog or function), a statement that reads it. Run with search_path = pg_catalog. PostgreSQL 15 and newer.
SELECT CASE WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN 'catalog' ELSE 'table' END,
       format('SELECT * FROM %I.%I LIMIT 2000', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT 'function', format('SELECT * FROM %I.%I()', n.nspname, p.proname)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prokind = 'f' AND p.pronargs = p.pronargdefaults
  AND p.provolatile <> 'v' AND p.prorettype <> 'trigger'::regtype
ORDER BY 1, 2
