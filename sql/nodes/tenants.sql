-- How many tenants are on a node, or are to be. $1 number. Row: tenants with a home there, tenants that wait for one.
-- PostgreSQL 15 and newer.
SELECT count(*) FILTER (WHERE h.node = $1), count(*) FILTER (WHERE h.id IS NULL AND t.home_node = $1)
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home
