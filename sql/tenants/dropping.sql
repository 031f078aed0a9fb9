-- Tenants whose drop has not ended, oldest first. Row: id, slug. PostgreSQL 15 and newer.
SELECT id, slug FROM rowhouse.tenants WHERE state = 'dropping' ORDER BY updated_at, id
