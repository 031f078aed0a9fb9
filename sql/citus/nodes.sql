-- The nodes of the cluster that this database is of, the coordinator first where it is among them.
-- Row: host, port, is the coordinator. Citus 12 and newer.
SELECT nodename, nodeport, groupid = 0 FROM pg_catalog.pg_dist_node WHERE noderole = 'primary' AND isactive ORDER BY groupid
