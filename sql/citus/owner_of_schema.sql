-- The worker that has a schema home. $1 schema. Row: host, port. No row: it holds no table. Citus 12 and newer.
SELECT n.nodename, n.nodeport
FROM pg_catalog.pg_dist_schema d JOIN pg_catalog.pg_namespace s ON s.oid = d.schemaid
JOIN pg_catalog.pg_dist_partition t ON t.colocationid = d.colocationid
JOIN pg_catalog.pg_dist_shard h ON h.logicalrelid = t.logicalrelid
JOIN pg_catalog.pg_dist_placement p ON p.shardid = h.shardid
JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
WHERE s.nspname = $1 LIMIT 1
