-- A home begins a step. $1 run, $2 home, $3 set, $4 from version, $5 to version. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.run_steps (run, home, set, from_version, to_version, state)
VALUES ($1, $2, $3, $4, $5, 'running')
