-- Tenants that wait for their place, oldest first. Row: id, slug. PostgreSQL 15 and newer.
SELECT id, slug FROM rowhouse.tenants WHERE state IN ('pending', 'provisioning', 'failed') ORDER BY created_at, id
