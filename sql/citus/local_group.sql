-- Which node of its cluster this is. Row: group; 0: the coordinator. Citus 12 and newer.
SELECT groupid FROM pg_catalog.pg_dist_local_group
