-- What nodes are called. Row: number, name. PostgreSQL 15 and newer.
SELECT id, name FROM rowhouse.nodes
