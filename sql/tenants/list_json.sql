-- As list.sql, as one JSON text, the size in bytes. $1 slug after which to begin, $2 how many, $3 JSON object with the
-- bytes of homes: by node, model and name, $4 JSON object with the shares in shared homes by tenant. Row: JSON array.
-- PostgreSQL 15 and newer.
SELECT coalesce(json_agg(to_jsonb(t) - '{home,model,home_name,home_node}'::text[] || jsonb_build_object(
    'model', h.model, 'node', n.name, 'version', h.tenant_version,
    'size', CASE h.model WHEN 'shared' THEN ($4::jsonb ->> t.id::text)::bigint ELSE ($3::jsonb -> h.node::text -> h.model ->> CASE h.model WHEN 'database' THEN h.database ELSE h.schema END)::bigint END) ORDER BY t.slug), '[]')
FROM (SELECT * FROM rowhouse.tenants WHERE slug > $1 ORDER BY slug LIMIT $2) t
LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
