-- Homes in databases other than the origin whose reference rows are not the origin's. $1 version of the reference set,
-- $2 the origin's rows in one word (state.sql). Row: id, model, database, schema, tenant, number, name and conninfo of its
-- node, whether its tables are of that version. PostgreSQL 15 and newer.
SELECT h.id, h.model, h.database, h.schema, t.id, n.id, n.name, n.conninfo, h.reference_version = $1
FROM rowhouse.homes h JOIN rowhouse.nodes n ON n.id = h.node
LEFT JOIN rowhouse.tenants t ON t.home = h.id AND h.model <> 'shared'
WHERE (h.model = 'database' OR h.node <> 1) AND $2 <> '' AND h.reference_rows <> $2
  AND (h.model = 'shared' OR t.state NOT IN ('pending', 'provisioning', 'failed', 'dropping')
       OR EXISTS (SELECT FROM rowhouse.standby_homes s WHERE s.home = h.id AND s.state = 'ready'))
ORDER BY h.id
