-- Homes of one tenant that are not at the newest versions. $1 reference version, $2 tenant version.
-- Row: id, model, database, schema, tenant, number, name and conninfo of its node. PostgreSQL 15 and newer.
SELECT h.id, h.model, h.database, h.schema, t.id, n.id, n.name, n.conninfo
FROM rowhouse.homes h JOIN rowhouse.tenants t ON t.home = h.id JOIN rowhouse.nodes n ON n.id = h.node
WHERE h.model <> 'shared' AND t.state NOT IN ('pending', 'provisioning', 'failed', 'dropping')
  AND (h.tenant_version <> $2 OR (h.model = 'database' AND h.reference_version <> $1)
       OR (h.model = 'schema' AND h.reference_version <> $1))
ORDER BY h.id
