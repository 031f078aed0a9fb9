-- Changes a tenant's own limits and writes the audit. $1 id, $2 JSON object: of each limit to change the number, or null
-- for the server's default. Row: 1. No row: it is not there, or is being dropped. PostgreSQL 15 and newer.
WITH t AS (
    SELECT id, $2::jsonb AS change FROM rowhouse.tenants WHERE id = $1 AND state <> 'dropping' FOR UPDATE
), kept AS (
    INSERT INTO rowhouse.tenant_limits AS l (tenant, concurrency, rate, statement_timeout, rows, body, load)
    SELECT id, (change ->> 'concurrency')::integer, (change ->> 'rate')::numeric, (change ->> 'statement_timeout')::integer,
           (change ->> 'rows')::integer, (change ->> 'body')::bigint, (change ->> 'load')::bigint FROM t
    ON CONFLICT (tenant) DO UPDATE SET
        concurrency = CASE WHEN $2::jsonb ? 'concurrency' THEN excluded.concurrency ELSE l.concurrency END,
        rate = CASE WHEN $2::jsonb ? 'rate' THEN excluded.rate ELSE l.rate END,
        statement_timeout = CASE WHEN $2::jsonb ? 'statement_timeout' THEN excluded.statement_timeout ELSE l.statement_timeout END,
        rows = CASE WHEN $2::jsonb ? 'rows' THEN excluded.rows ELSE l.rows END,
        body = CASE WHEN $2::jsonb ? 'body' THEN excluded.body ELSE l.body END,
        load = CASE WHEN $2::jsonb ? 'load' THEN excluded.load ELSE l.load END
)
INSERT INTO rowhouse.audit (action, tenant, detail) SELECT 'limit', id::text, change FROM t RETURNING 1
