-- Bytes on disk of schemas, as schema_size.sql counts them. $1 array of schemas. Row: JSON object by schema.
-- PostgreSQL 15 and newer.
SELECT coalesce(jsonb_object_agg(nspname, bytes), '{}')
FROM (SELECT n.nspname, sum(pg_total_relation_size(c.oid))::bigint AS bytes
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'm') GROUP BY 1) s
