-- A home stands by. $1 home, $2 reference version, $3 tenant version. No row. PostgreSQL 15 and newer.
WITH h AS (UPDATE rowhouse.homes SET reference_version = $2, tenant_version = $3 WHERE id = $1)
UPDATE rowhouse.standby_homes SET state = 'ready', failure = NULL WHERE home = $1 AND state = 'making'
