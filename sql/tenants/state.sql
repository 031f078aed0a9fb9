-- A tenant's state. $1 id. Row: state. No row: there is no such tenant. PostgreSQL 15 and newer.
SELECT state FROM rowhouse.tenants WHERE id = $1
