-- The homes that stand by. Row: home, model, node, name, version, state, since, failure. PostgreSQL 15 and newer.
SELECT s.home, h.model, n.name AS node, CASE h.model WHEN 'database' THEN h.database ELSE h.schema END AS name,
       h.tenant_version AS version, s.state, to_char(s.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since, s.failure
FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home JOIN rowhouse.nodes n ON n.id = h.node
ORDER BY s.home
