-- A tenant's home is to be a database that is there; the audit keeps what that was before. $1 tenant, $2 version,
-- $3 database, $4 its owner, $5 its comment, $6 its settings, $7 node. No row. PostgreSQL 15 and newer.
WITH a AS (INSERT INTO rowhouse.adoptions (tenant, version) VALUES ($1, $2) RETURNING tenant, version),
t AS (UPDATE rowhouse.tenants t SET home_node = $7 FROM a WHERE t.id = a.tenant AND t.home IS NULL)
INSERT INTO rowhouse.audit (action, tenant, detail)
SELECT 'adopt', tenant::text, jsonb_strip_nulls(jsonb_build_object('database', $3::text, 'version', version, 'owner', $4::text,
    'comment', nullif($5::text, ''), 'settings', nullif($6::text, '')))
FROM a
