-- Enters the shared home of a node that is not there yet. $1 database, $2 schema, $3 node. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.homes (model, node, database, schema) VALUES ('shared', $3, $1, $2)
ON CONFLICT (node, database, schema) DO NOTHING
