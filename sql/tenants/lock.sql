-- Makes this session the only one at work on a tenant, until unlock.sql or its end. $1 id. Row: ''.
-- PostgreSQL 15 and newer.
SELECT pg_advisory_lock(hashtext('rowhouse tenant'), hashtext($1))
