-- The tenant leaves the catalog, and its home unless others live there; the audit and rowhouse.drops keep the trace.
-- $1 id. Row: 1. PostgreSQL 15 and newer.
WITH t AS (
    DELETE FROM rowhouse.tenants WHERE id = $1 AND state = 'dropping' RETURNING id, slug, name, home
), h AS (
    DELETE FROM rowhouse.homes h USING t WHERE h.id = t.home AND h.model <> 'shared'
), d AS (
    UPDATE rowhouse.drops d SET ended_at = now() FROM t WHERE d.tenant = t.id::text RETURNING d.dump
)
INSERT INTO rowhouse.audit (action, tenant, detail)
SELECT 'drop', t.id::text, jsonb_build_object('slug', t.slug, 'name', t.name, 'model', h.model, 'database', h.database, 'schema', h.schema, 'dump', d.dump)
FROM t CROSS JOIN d LEFT JOIN rowhouse.homes h ON h.id = t.home
RETURNING 1
