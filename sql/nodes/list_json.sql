-- Every node as JSON. $1 JSON object by number with what was found out just now: reachable, error, version, bytes,
-- connections, max_connections. Row: array. PostgreSQL 15 and newer.
SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'state', n.state, 'kind', n.kind, 'address', n.conninfo,
    'tenants', (SELECT count(*) FROM rowhouse.tenants t JOIN rowhouse.homes h ON h.id = t.home WHERE h.node = n.id),
    'away_since', n.away_since, 'bytes', n.bytes) || coalesce($1::jsonb -> n.id::text, '{}') ORDER BY n.id), '[]')
FROM rowhouse.nodes n
