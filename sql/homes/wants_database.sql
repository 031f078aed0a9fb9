-- Whether any tenant has or wants a database of its own. Row: 1, or none. PostgreSQL 15 and newer.
SELECT 1 FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home
WHERE coalesce(h.model, t.model) = 'database' LIMIT 1
