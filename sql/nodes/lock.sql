-- Holds a node as it is until the transaction ends: no home comes to it. $1 number. Row: 1. PostgreSQL 15 and newer.
SELECT 1 FROM rowhouse.nodes WHERE id = $1 FOR UPDATE
