-- A tenant that an earlier, interrupted or failed creation with the same wishes left. $1 slug, $2 name, $3 model or NULL,
-- $4 name of the home or NULL, $5 id or NULL, $6 JSON object of profile columns as text, $7 name of the
-- node or NULL. Row: id, or none.
-- PostgreSQL 15 and newer.
SELECT t.id FROM rowhouse.tenants t
WHERE t.slug = $1 AND t.name = $2 AND t.state IN ('pending', 'provisioning', 'failed')
  AND t.model IS NOT DISTINCT FROM $3 AND t.home_name IS NOT DISTINCT FROM coalesce($4, t.home_name) AND t.id::text = coalesce($5, t.id::text)
  AND t.home_node IS NOT DISTINCT FROM coalesce((SELECT n.id FROM rowhouse.nodes n WHERE n.name = $7), t.home_node)
  AND NOT EXISTS (SELECT FROM jsonb_each_text($6::jsonb) p WHERE to_jsonb(t) ->> p.key IS DISTINCT FROM p.value)
