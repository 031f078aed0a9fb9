-- Claims the nodes whose size is to be measured, so that one command does it: those that were not for a minute.
-- Row: number, name, conninfo. PostgreSQL 15 and newer.
UPDATE rowhouse.nodes SET measured_at = now()
WHERE state = 'active' AND measured_at < now() - interval '1 minute' RETURNING id, name, conninfo
