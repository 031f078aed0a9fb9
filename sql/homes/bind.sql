-- Binds a tenant for the transaction. $1 id. Row: the id. PostgreSQL 15 and newer.
SELECT set_config('rowhouse.tenant', $1, true)
