-- The newest of Rowhouse's own migrations that the catalog has. Row: number. PostgreSQL 15 and newer.
SELECT coalesce(max(number), 0) FROM rowhouse.applied_migrations WHERE home = 0 AND set = 'rowhouse'
