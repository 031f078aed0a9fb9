-- A statement that gives all rows of a schema's tables in one word: what migrations put there. $1 schema. Row: the statement.
-- PostgreSQL 15 and newer.
SELECT 'SELECT md5(concat_ws(''|'', '''''
       || coalesce(string_agg(format(', (SELECT string_agg(t::text, E''\n'' ORDER BY t::text) FROM %I.%I t)', n.nspname, c.relname), '' ORDER BY c.relname), '')
       || '))'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r'
