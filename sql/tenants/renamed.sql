-- The tenant whose last change of slug was this one. $1 slug before, $2 slug now. Row: id, or none.
-- PostgreSQL 15 and newer.
SELECT t.id FROM rowhouse.tenants t
JOIN LATERAL (SELECT detail FROM rowhouse.audit a WHERE a.tenant = t.id::text AND a.action = 'rename'
              AND a.detail ->> 'from' <> a.detail ->> 'to' ORDER BY a.id DESC LIMIT 1) a ON true
WHERE t.slug = $2 AND a.detail ->> 'from' = $1
