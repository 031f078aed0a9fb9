-- What changes when a shard moves, is split, or a node gets another address. Row: a text. Citus 12 and newer.
SELECT md5(string_agg(p.shardid || ' ' || n.nodename || ' ' || n.nodeport, ',' ORDER BY p.placementid))
FROM pg_catalog.pg_dist_placement p JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
