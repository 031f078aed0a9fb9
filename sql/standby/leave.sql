-- A home is not to stand by any longer. $1 home. Row: 1. No row: it was given away. PostgreSQL 15 and newer.
UPDATE rowhouse.standby_homes SET state = 'leaving' WHERE home = $1 RETURNING 1
