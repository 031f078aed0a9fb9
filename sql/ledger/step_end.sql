-- A home ends a step. $1 run, $2 home, $3 set, $4 what failed or NULL. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.run_steps
SET state = CASE WHEN $4::text IS NULL THEN 'done' ELSE 'failed' END, error = $4, ended_at = now()
WHERE run = $1 AND home = $2 AND set = $3
