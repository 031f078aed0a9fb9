-- One tenant with its home and its last ten entries of the audit. $1 id. Row: JSON object. PostgreSQL 15 and newer.
SELECT to_jsonb(t) - '{home,model,home_name,home_node}'::text[] || jsonb_build_object(
    'home', CASE WHEN h.id IS NOT NULL THEN jsonb_build_object('number', h.id, 'model', h.model, 'node', n.name, 'database', h.database,
        'schema', h.schema, 'reference_version', h.reference_version, 'tenant_version', h.tenant_version) END,
    'audit', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'who', e.who, 'action', e.action, 'detail', e.detail) ORDER BY e.id DESC), '[]')
              FROM (SELECT * FROM rowhouse.audit WHERE tenant = t.id::text ORDER BY id DESC LIMIT 10) e))
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
WHERE t.id = $1
