-- Gives a tenant shards of its own, on the worker where it is, where ids are of type bigint. $1 root table, qualified and quoted,
-- $2 tenant. Row: the root's new shard. Citus 12 and newer.
SELECT pg_catalog.isolate_tenant_to_new_shard($1::regclass, $2::bigint, 'CASCADE')
