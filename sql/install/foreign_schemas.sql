-- Schemas with our names that somebody else owns. $1 owner's name. Row: schema, its owner. PostgreSQL 15 and newer.
SELECT nspname, pg_get_userbyid(nspowner)
FROM pg_namespace
WHERE nspname IN ('rowhouse', 'reference') AND nspowner <> (SELECT oid FROM pg_roles WHERE rolname = $1)
