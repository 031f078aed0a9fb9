-- Closes a run. $1 number, $2 done or failed. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.runs SET ended_at = now(), outcome = $2 WHERE id = $1
