-- How a node is: run there, as the operator. $1 owner role. Row: bytes of the app's databases, connections to them,
-- connections that the server allows, version. PostgreSQL 15 and newer.
SELECT coalesce(sum(pg_database_size(d.oid)), 0)::bigint,
       (SELECT count(*) FROM pg_stat_activity a JOIN pg_database x ON x.oid = a.datid WHERE x.datdba = o.oid),
       current_setting('max_connections')::integer, current_setting('server_version')
FROM pg_roles o LEFT JOIN pg_database d ON d.datdba = o.oid WHERE o.rolname = $1 GROUP BY o.oid
