-- Nodes that a tenant's new home may be on, the best first: the one it asks for, else those that answered last time, by
-- what is on them: their size when it was measured, and what came since. $1 tenant (NULL: nobody yet), $2 model. Row: number, name,
-- conninfo, state, number of its shared home or NULL. PostgreSQL 15 and newer.
WITH added AS (
    SELECT h.node, count(*) FILTER (WHERE h.model = 'database') * 8388608 + count(*) FILTER (WHERE h.model <> 'database') * 65536 AS bytes
    FROM rowhouse.tenants t JOIN rowhouse.homes h ON h.id = t.home JOIN rowhouse.nodes n ON n.id = h.node
    WHERE (SELECT count(*) FROM rowhouse.nodes WHERE state = 'active') > 1
      AND t.updated_at > (SELECT min(measured_at) FROM rowhouse.nodes WHERE measured_at > '-infinity')
      AND t.updated_at > n.measured_at AND n.measured_at > '-infinity' GROUP BY 1
)
SELECT n.id, n.name, n.conninfo, n.state, s.id
FROM rowhouse.nodes n CROSS JOIN (SELECT (SELECT home_node FROM rowhouse.tenants WHERE id = $1) AS home_node) t
LEFT JOIN rowhouse.homes s ON s.node = n.id AND s.model = 'shared' LEFT JOIN added a ON a.node = n.id
WHERE CASE WHEN t.home_node IS NULL THEN n.state = 'active' AND NOT (n.kind = 'citus' AND $2::text = 'database') ELSE n.id = t.home_node END
ORDER BY n.away_since IS NOT NULL, n.bytes + coalesce(a.bytes, 0), n.id
