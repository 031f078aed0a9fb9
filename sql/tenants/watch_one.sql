-- As watch.sql for one tenant. $1 id. No row: it is gone. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.state, coalesce(h.id, 0), coalesce(h.reference_version, 0), coalesce(h.tenant_version, 0),
       coalesce(h.database, ''), coalesce(h.schema, '')
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home WHERE t.id = $1
