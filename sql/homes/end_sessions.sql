-- Ends a tenant's sessions. $1 server role, $2 application_name of its psql, $3 its database or ''. Row: how many.
-- PostgreSQL 15 and newer.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = $1 AND pid <> pg_backend_pid() AND (application_name = $2 OR datname = nullif($3, ''))
