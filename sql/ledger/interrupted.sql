-- Runs that never ended, while nobody else holds the lock. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.runs SET ended_at = now(), outcome = 'interrupted' WHERE ended_at IS NULL
