-- The tenant that has a database, or asked for it. $1 database, $2 the app's default model, $3 node.
-- Row: id, slug, name, state, version it was adopted at or NULL. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.name, t.state, a.version
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.adoptions a ON a.tenant = t.id
WHERE (h.model = 'database' AND h.database = $1 AND h.node = $3)
   OR (t.home IS NULL AND t.home_name = $1 AND coalesce(t.model, $2) = 'database' AND coalesce(t.home_node, $3) = $3)
LIMIT 1
