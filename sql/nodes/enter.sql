-- Enters a node that joins, or changes how one is reached. $1 name, $2 conninfo, $3 system identifier, $4 kind. Row: number.
-- No row: another server has the name. PostgreSQL 15 and newer.
WITH n AS (
    INSERT INTO rowhouse.nodes AS n (name, conninfo, system_identifier, state, kind) VALUES ($1, $2, $3, 'joining', $4)
    ON CONFLICT (name) DO UPDATE SET conninfo = excluded.conninfo, kind = excluded.kind
    WHERE n.system_identifier = excluded.system_identifier
    RETURNING id, name, state
)
INSERT INTO rowhouse.audit (action, detail)
SELECT 'node add', jsonb_build_object('node', name, 'state', state) FROM n RETURNING (SELECT id FROM n)
