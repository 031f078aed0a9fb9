-- Keeps where a dropped tenant's dump is, with the audit. $1 id, $2 file. No row. PostgreSQL 15 and newer.
WITH d AS (UPDATE rowhouse.drops SET dump = $2 WHERE tenant = $1 RETURNING tenant, dump)
INSERT INTO rowhouse.audit (action, tenant, detail) SELECT 'dump', tenant, jsonb_build_object('file', dump) FROM d
