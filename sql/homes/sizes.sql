-- Bytes on disk of homes: schemas as schema_size.sql counts them, and databases. $1 array of schemas, $2 array of
-- databases. Row: JSON object {"schema": {name: bytes}, "database": {name: bytes}}. PostgreSQL 15 and newer.
SELECT jsonb_build_object(
    'schema', (SELECT coalesce(jsonb_object_agg(nspname, bytes), '{}')
               FROM (SELECT n.nspname, sum(pg_total_relation_size(c.oid))::bigint AS bytes
                     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'm') GROUP BY 1) s),
    'database', (SELECT coalesce(jsonb_object_agg(datname, pg_database_size(oid)), '{}')
                 FROM pg_database WHERE datname = ANY ($2::text[])))
