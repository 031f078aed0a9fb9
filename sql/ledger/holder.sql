-- Who is at work, for people. Row: text. PostgreSQL 15 and newer.
SELECT format('%s (process %s on %s, since %s)', operation, pid, host, to_char(started_at, 'HH24:MI:SS'))
FROM rowhouse.runs WHERE ended_at IS NULL ORDER BY id DESC LIMIT 1
