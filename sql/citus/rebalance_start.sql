-- Starts to move shards to workers that have less. Row: the job, NULL: there is nothing to move. Citus 12 and newer.
SELECT pg_catalog.citus_rebalance_start()
