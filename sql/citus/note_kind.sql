-- Keeps in the catalog whether a node is a Citus coordinator. $1 node, $2 whether it is. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.nodes SET kind = CASE WHEN $2::boolean THEN 'citus' ELSE 'plain' END
WHERE id = $1 AND (kind = 'citus') <> $2::boolean
