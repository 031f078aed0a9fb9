-- Bytes on disk of a schema's tables on all nodes, with their indexes and TOAST. $1 schema. Row: bytes. Citus 12 and newer.
SELECT coalesce(sum(pg_catalog.citus_total_relation_size(c.oid)), 0)::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = c.oid
WHERE n.nspname = $1
