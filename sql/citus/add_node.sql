-- Takes a worker into the cluster of this database, when it is not in it yet. $1 host, $2 port. No row, or its number.
-- Citus 12 and newer.
SELECT pg_catalog.citus_add_node($1, $2::integer)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node WHERE nodename = $1 AND nodeport = $2::integer AND isactive)
