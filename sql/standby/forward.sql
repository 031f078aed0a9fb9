-- Takes a home that stands by out of reach while it is migrated. $1 home. Row: 1. No row: it was given away.
-- PostgreSQL 15 and newer.
UPDATE rowhouse.standby_homes SET state = 'making' WHERE home = $1 AND state = 'ready' RETURNING 1
