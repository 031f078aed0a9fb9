-- The shared tables of a server that was a node before: their migrations count as the new shared home's. Run there.
-- $1 home. Row: how many earlier homes there were; nothing is changed unless it is one. PostgreSQL 15 and newer.
WITH earlier AS (
    SELECT DISTINCT home FROM rowhouse.applied_migrations WHERE set = 'tenant' AND home <> $1
    AND NOT EXISTS (SELECT FROM rowhouse.applied_migrations WHERE set = 'tenant' AND home = $1)
), taken AS (
    UPDATE rowhouse.applied_migrations SET home = $1
    WHERE set = 'tenant' AND home = (SELECT home FROM earlier LIMIT 1) AND (SELECT count(*) FROM earlier) = 1
)
SELECT count(*) FROM earlier
