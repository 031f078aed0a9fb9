-- A page of tenants in the order of their slugs. $1 slug after which to begin, $2 how many.
-- Row: id, slug, name, state, model, node, version, created. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.name, t.state, h.model, n.name AS node, h.tenant_version AS version,
       to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
WHERE t.slug > $1 ORDER BY t.slug LIMIT $2
