-- Opens a run. $1 operation, $2 host, $3 process. Row: its number. PostgreSQL 15 and newer.
INSERT INTO rowhouse.runs (operation, host, pid) VALUES ($1, $2, $3) RETURNING id
