-- The nodes beside the first that have joined, in the order in which they did. Row: number, name, conninfo, is a Citus
-- coordinator. PostgreSQL 15 and newer.
SELECT id, name, conninfo, kind = 'citus' FROM rowhouse.nodes WHERE id <> 1 AND state <> 'joining' ORDER BY id
