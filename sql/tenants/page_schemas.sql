-- The schemas that are homes of a page of tenants. $1 slug after which to begin, $2 how many. Row: array.
-- PostgreSQL 15 and newer.
SELECT coalesce(array_agg(h.schema), '{}')
FROM (SELECT home FROM rowhouse.tenants WHERE slug > $1 ORDER BY slug LIMIT $2) t
JOIN rowhouse.homes h ON h.id = t.home WHERE h.model = 'schema'
