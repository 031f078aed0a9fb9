-- The node that is this server already, under another name. $1 system identifier, $2 name. Row: name, or none.
-- PostgreSQL 15 and newer.
SELECT name FROM rowhouse.nodes WHERE system_identifier = $1 AND name <> $2
