-- A statement of the operator is about to write in every home. $1 the statement. PostgreSQL 15 and newer.
INSERT INTO rowhouse.audit (action, detail) VALUES ('query', jsonb_build_object('sql', left($1, 100000)))
