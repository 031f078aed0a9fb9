-- The databases that stand by, in the order in which they are given away. $1 how many at most. Row: home, database, number,
-- name and conninfo of its node. PostgreSQL 15 and newer.
SELECT h.id, h.database, n.id, n.name, n.conninfo
FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home JOIN rowhouse.nodes n ON n.id = h.node
WHERE s.state = 'ready' AND h.model = 'database' ORDER BY h.id LIMIT $1
