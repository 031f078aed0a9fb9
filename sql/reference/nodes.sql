-- The nodes that may have a template of database homes. Row: number, name, conninfo. PostgreSQL 15 and newer.
SELECT id, name, conninfo FROM rowhouse.nodes WHERE state <> 'joining' ORDER BY id
