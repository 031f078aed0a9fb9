-- A tenant moves into the shared home. $1 tenant, $2 home. Row: 1. PostgreSQL 15 and newer.
UPDATE rowhouse.tenants SET home = $2 WHERE id = $1 AND home IS NULL RETURNING 1
