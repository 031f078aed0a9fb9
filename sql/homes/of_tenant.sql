-- A tenant's home. $1 tenant. Row: home's number or NULL, model (of the home, else what the tenant asked for, else NULL),
-- database, schema, number, name and conninfo of its node. PostgreSQL 15 and newer.
SELECT h.id, coalesce(h.model, t.model), h.database, h.schema, n.id, n.name, n.conninfo
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
WHERE t.id = $1
