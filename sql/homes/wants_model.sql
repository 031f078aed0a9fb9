-- Whether any tenant has or wants a home of that model. $1 model. Row: 1, or none. PostgreSQL 15 and newer.
SELECT 1 FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home
WHERE coalesce(h.model, t.model) = $1 LIMIT 1
