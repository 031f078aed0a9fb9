-- The worker that has a tenant's rows of the shared homes, where ids are bigints. $1 root table, qualified and
-- quoted, $2 tenant. Row: host, port. Citus 12 and newer.
SELECT n.nodename, n.nodeport
FROM pg_catalog.pg_dist_placement p JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
WHERE p.shardid = pg_catalog.get_shard_id_for_distribution_column($1::regclass, $2::bigint)
