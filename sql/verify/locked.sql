-- Says that a scratch copy is being worked with, until the session ends. $1 name. PostgreSQL 15 and newer.
SELECT pg_advisory_lock(hashtext('rowhouse verify'), hashtext($1))
