-- Whether the first node is the only one and takes homes: most apps have no other. Row: 1, or none. PostgreSQL 15 and newer.
SELECT 1 FROM rowhouse.nodes HAVING count(*) = 1 AND bool_and(state = 'active')
