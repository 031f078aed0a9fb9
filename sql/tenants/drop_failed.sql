-- Keeps with a tenant why its drop has not come to its end. $1 id, $2 reason. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.tenants SET failure = $2 WHERE id = $1 AND state = 'dropping' AND failure IS DISTINCT FROM $2
