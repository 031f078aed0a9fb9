-- A tenant's slug. $1 id. Row: slug. PostgreSQL 15 and newer.
SELECT slug FROM rowhouse.tenants WHERE id = $1
