-- Enters a home of the first node that is not there yet. $1 database, $2 schema. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.homes (model, node, database, schema) VALUES ('shared', 1, $1, $2)
ON CONFLICT (node, database, schema) DO NOTHING
