-- The homes of a page of tenants, by node. $1 slug after which to begin, $2 how many. Row: node's number, name, conninfo,
-- array of schemas that are homes there, array of databases that are, whether the shared home is one. PostgreSQL 15 and newer.
SELECT n.id, n.name, n.conninfo, coalesce(array_agg(h.schema) FILTER (WHERE h.model = 'schema'), '{}'),
       coalesce(array_agg(h.database) FILTER (WHERE h.model = 'database'), '{}'), bool_or(h.model = 'shared')
FROM (SELECT home FROM rowhouse.tenants WHERE slug > $1 ORDER BY slug LIMIT $2) t
JOIN rowhouse.homes h ON h.id = t.home JOIN rowhouse.nodes n ON n.id = h.node GROUP BY n.id
