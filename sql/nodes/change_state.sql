-- Changes a node's state. $1 number, $2 new state, $3 states it may come from. Row: 1, also when it is in it already.
-- No row: it is in another one. PostgreSQL 15 and newer.
WITH old AS (
    SELECT id, name, state FROM rowhouse.nodes WHERE id = $1 AND (state = ANY ($3::text[]) OR state = $2) FOR UPDATE
), changed AS (
    UPDATE rowhouse.nodes n SET state = $2 FROM old WHERE n.id = old.id AND old.state <> $2
), noted AS (
    INSERT INTO rowhouse.audit (action, detail)
    SELECT 'node state', jsonb_build_object('node', name, 'from', state, 'to', $2::text) FROM old WHERE state <> $2
)
SELECT 1 FROM old
