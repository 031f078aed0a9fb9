-- A node by name. $1 name. Row: number, name, conninfo, state, system identifier. No row: there is none.
-- PostgreSQL 15 and newer.
SELECT id, name, conninfo, state, system_identifier FROM rowhouse.nodes WHERE name = $1
