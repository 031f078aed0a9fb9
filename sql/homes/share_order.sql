-- How to share the bytes of a shared home's tables, indexes and TOAST among its tenants, by the bytes of their rows.
-- $1 schema, $2 tenant key, $3 root, $4 JSON object with the tables' bytes where they are not on this server (Citus), else
-- '{}'. Row: a statement that reads every row; its row: JSON object by tenant.
-- PostgreSQL 15 and newer.
WITH tables AS (
    SELECT c.oid, c.relname, a.attname AS key,
           (SELECT string_agg(format('coalesce(pg_column_size(%I), 0)', k.attname), ' + ') FROM pg_attribute k
            WHERE k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped) AS width,
           coalesce(($4::jsonb ->> c.relname)::bigint, (SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(c.oid) p), pg_total_relation_size(c.oid)) AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (a.attname = $2 OR (c.relname = $3 AND i.indkey[0] = a.attnum
           AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = $2 AND NOT k.attisdropped)))
)
SELECT 'SELECT coalesce(jsonb_object_agg(tenant, bytes), ''{}'') FROM (SELECT tenant, sum(bytes)::bigint AS bytes FROM ('
       || coalesce(string_agg(format('SELECT %1$I::text AS tenant, %2$s * sum(w) / sum(sum(w)) OVER () AS bytes '
              'FROM (SELECT %1$I, 24 + %3$s AS w FROM %4$I.%5$I) r GROUP BY %1$I', key, bytes, width, $1::text, relname), ' UNION ALL '),
          'SELECT NULL::text AS tenant, 0 AS bytes')
       || ') s WHERE tenant IS NOT NULL GROUP BY tenant) t'
FROM tables
