-- The tenant migrations that a cloned database brought from the template count as the home's. $1 home. Row: set, number,
-- checksum of all that is applied there, in order. PostgreSQL 15 and newer.
WITH taken AS (
    UPDATE rowhouse.applied_migrations SET home = $1 WHERE home = 0 AND set = 'tenant' RETURNING set, number, checksum
)
SELECT set, number, checksum FROM taken
UNION ALL
SELECT set, number, checksum FROM rowhouse.applied_migrations WHERE home = 0 AND set = 'reference'
ORDER BY set, number
