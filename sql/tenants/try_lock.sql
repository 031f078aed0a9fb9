-- As lock.sql, without waiting. $1 id. Row: whether it is this session's now. PostgreSQL 15 and newer.
SELECT pg_try_advisory_lock(hashtext('rowhouse tenant'), hashtext($1))
