-- A tenant's own limits, as numbers; NULL: the server's default. $1 id. Row: slug, concurrency, rate in thousandths,
-- statement_timeout in ms, rows, body and load in bytes. PostgreSQL 15 and newer.
SELECT t.slug, l.concurrency, (l.rate * 1000)::bigint, l.statement_timeout, l.rows, l.body, l.load
FROM rowhouse.tenants t LEFT JOIN rowhouse.tenant_limits l ON l.tenant = t.id WHERE t.id = $1
