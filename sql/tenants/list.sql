-- A page of tenants in the order of their slugs. $1 slug after which to begin, $2 how many, $3 JSON object with the bytes
-- of homes: by node, model and name, $4 JSON object with the shares in shared homes by tenant. Row: id, slug, name, state,
-- model, node, version, size, created. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.name, t.state, h.model, n.name AS node, h.tenant_version AS version,
       pg_size_pretty(CASE h.model WHEN 'shared' THEN ($4::jsonb ->> t.id::text)::bigint ELSE ($3::jsonb -> h.node::text -> h.model ->> CASE h.model WHEN 'database' THEN h.database ELSE h.schema END)::bigint END) AS size,
       to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
WHERE t.slug > $1 ORDER BY t.slug LIMIT $2
