-- Changes a tenant's state and writes the audit. $1 id, $2 new state, $3 reason or NULL, $4 states it may come from.
-- Row: 1. No row: the tenant is not there or in another state. PostgreSQL 15 and newer.
WITH old AS (
    SELECT id, state FROM rowhouse.tenants WHERE id = $1 AND state = ANY ($4::text[]) FOR UPDATE
), changed AS (
    UPDATE rowhouse.tenants t
    SET state = $2, failure = CASE WHEN $2 = 'failed' THEN $3 END, updated_at = now()
    FROM old WHERE t.id = old.id
    RETURNING t.id, old.state AS from_state
)
INSERT INTO rowhouse.audit (action, tenant, detail)
SELECT 'state', id::text, jsonb_strip_nulls(jsonb_build_object('from', from_state, 'to', $2::text, 'reason', $3::text))
FROM changed
RETURNING 1
