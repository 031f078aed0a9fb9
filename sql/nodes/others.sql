-- Every node but the first. Row: number, name, conninfo, state, number of its shared home or NULL. PostgreSQL 15 and newer.
SELECT n.id, n.name, n.conninfo, n.state, h.id
FROM rowhouse.nodes n LEFT JOIN rowhouse.homes h ON h.node = n.id AND h.model = 'shared'
WHERE n.id <> 1 ORDER BY n.id
