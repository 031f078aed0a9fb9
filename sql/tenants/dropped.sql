-- The last drop of a tenant that went by this id or slug and is not there any more. $1 id or slug. Row: id, slug, dump
-- or NULL, all as JSON. No row: there was none. PostgreSQL 15 and newer.
SELECT tenant, slug, dump,
       jsonb_build_object('id', CASE WHEN tenant ~ '^[0-9]+$' THEN to_jsonb(tenant::numeric) ELSE to_jsonb(tenant) END, 'slug', slug,
           'name', name, 'state', 'dropped', 'dump', dump, 'begun_at', begun_at, 'ended_at', ended_at)
FROM rowhouse.drops WHERE ended_at IS NOT NULL AND (tenant = lower($1) OR slug = $1)
ORDER BY tenant = lower($1) DESC, ended_at DESC LIMIT 1
