-- More PostgreSQL servers than the one with the catalog. PostgreSQL 15 and newer. Variables: server.
ALTER TABLE rowhouse.nodes
    ADD COLUMN kind text NOT NULL DEFAULT 'plain' CHECK (kind IN ('plain', 'citus')),
    -- joining: `node add` has not ended; draining: gets no new homes
    ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('joining', 'active', 'draining')),
    ADD COLUMN system_identifier text UNIQUE, -- PostgreSQL's own, so that no server is two nodes
    ADD COLUMN bytes bigint NOT NULL DEFAULT 0, -- what the app had there when it was measured last
    ADD COLUMN measured_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN away_since timestamptz, -- NULL: it answered when it was asked last
    ADD CONSTRAINT name_is_plain CHECK (name ~ '^[a-z][a-z0-9_-]{0,31}$');

-- NULL: the node with the least on it.
ALTER TABLE rowhouse.tenants ADD COLUMN home_node integer REFERENCES rowhouse.nodes;
CREATE INDEX tenants_updated ON rowhouse.tenants (updated_at); -- what came to a node since it was measured

-- Where a node is reached has changed: every tenant on it.
CREATE TRIGGER tell AFTER UPDATE OF conninfo ON rowhouse.nodes FOR EACH STATEMENT EXECUTE FUNCTION rowhouse.tell_all();

-- Servers read where a home's node is; there is no password in it.
GRANT SELECT (id, name, conninfo) ON rowhouse.nodes TO :"server";
