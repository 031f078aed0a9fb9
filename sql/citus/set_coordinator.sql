-- Says where the workers reach the coordinator, when that was not said yet. $1 host, $2 port. No row, or ''. Citus 12 and newer.
SELECT pg_catalog.citus_set_coordinator_host($1, $2::integer)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node WHERE groupid = 0)
