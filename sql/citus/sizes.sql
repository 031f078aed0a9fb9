-- Bytes on disk of schema homes on all nodes, as homes/sizes.sql has them. $1 array of schemas.
-- Row: JSON object {"schema": {name: bytes}}. Citus 12 and newer.
SELECT pg_catalog.jsonb_build_object('schema', (
    SELECT coalesce(pg_catalog.jsonb_object_agg(nspname, bytes), '{}')
    FROM (SELECT n.nspname, pg_catalog.sum(pg_catalog.citus_total_relation_size(c.oid))::bigint AS bytes
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = c.oid
          WHERE n.nspname = ANY ($1::text[]) GROUP BY 1) s))
