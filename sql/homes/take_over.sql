-- The tenant migrations that a cloned database brought from the template count as the home's. $1 home. No row.
-- PostgreSQL 15 and newer.
UPDATE rowhouse.applied_migrations SET home = $1 WHERE home = 0 AND set = 'tenant'
