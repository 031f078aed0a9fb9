-- Bytes on disk of each distributed table of a schema on all nodes, with indexes and TOAST. $1 schema.
-- Row: JSON object by table. Citus 12 and newer.
SELECT coalesce(jsonb_object_agg(c.relname, pg_catalog.citus_total_relation_size(c.oid)), '{}')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = c.oid
WHERE n.nspname = $1
