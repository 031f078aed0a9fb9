-- The models in use: of tenants that have a home. Row: model. PostgreSQL 15 and newer.
SELECT DISTINCT h.model FROM rowhouse.tenants t JOIN rowhouse.homes h ON h.id = t.home
