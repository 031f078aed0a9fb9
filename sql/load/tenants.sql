-- The tenants that rows may be loaded for. $1 id of the only one, or ''. Row: id, slug, state, home or NULL, model,
-- database, schema, number, name and conninfo of its node. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.state, h.id, h.model, h.database, h.schema, n.id, n.name, n.conninfo
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
WHERE t.state <> 'dropping' AND ($1 = '' OR t.id::text = $1)
