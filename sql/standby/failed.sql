-- Keeps why a home does not stand by. $1 home, $2 reason. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.standby_homes SET failure = $2 WHERE home = $1 AND failure IS DISTINCT FROM $2
