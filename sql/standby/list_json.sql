-- As list.sql, as one JSON text. Row: JSON array. PostgreSQL 15 and newer.
SELECT coalesce(json_agg(jsonb_build_object('home', s.home, 'model', h.model, 'node', n.name, 'database', h.database, 'schema', h.schema,
    'version', h.tenant_version, 'state', s.state, 'since', s.made_at, 'failure', s.failure) ORDER BY s.home), '[]')
FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home JOIN rowhouse.nodes n ON n.id = h.node
