-- Gives a tenant another slug or name and writes the audit. $1 id, $2 slug or NULL, $3 name or NULL.
-- Row: 1. No row: it is not there, or is being dropped. PostgreSQL 15 and newer.
WITH was AS (
    SELECT id, slug, name, coalesce($2, slug) AS new_slug, coalesce($3, name) AS new_name
    FROM rowhouse.tenants WHERE id = $1 AND state <> 'dropping' FOR UPDATE
), changed AS (
    UPDATE rowhouse.tenants t SET slug = was.new_slug, name = was.new_name, updated_at = now()
    FROM was WHERE t.id = was.id AND (was.slug, was.name) <> (was.new_slug, was.new_name)
    RETURNING was.*
), noted AS (
    INSERT INTO rowhouse.audit (action, tenant, detail)
    SELECT 'rename', id::text, jsonb_build_object('from', slug, 'to', new_slug)
           || CASE WHEN name <> new_name THEN jsonb_build_object('from_name', name, 'to_name', new_name) ELSE '{}' END
    FROM changed
)
SELECT 1 FROM was
