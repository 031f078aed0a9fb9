-- As watch.sql for one tenant. $1 id. No row: it is gone. PostgreSQL 15 and newer.
SELECT t.id, t.slug, t.state, coalesce(h.id, 0), coalesce(h.reference_version, 0), coalesce(h.tenant_version, 0),
       coalesce(h.database, ''), coalesce(h.schema, ''), coalesce(h.node, 1), coalesce(n.conninfo, ''),
       coalesce(n.kind = 'citus', false),
       l.concurrency, (l.rate * 1000)::bigint, l.statement_timeout, l.rows, l.body, l.load
FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home LEFT JOIN rowhouse.nodes n ON n.id = h.node
     LEFT JOIN rowhouse.tenant_limits l ON l.tenant = t.id WHERE t.id = $1
