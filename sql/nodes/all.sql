-- Every node. Row: number, name, conninfo. PostgreSQL 15 and newer.
SELECT id, name, conninfo FROM rowhouse.nodes ORDER BY id
