-- Makes this session the only one that makes, changes or drops a database, until it ends; waits for one whose client was
-- killed while its statement still runs. $1 name. Row: ''. PostgreSQL 15 and newer.
SELECT pg_advisory_lock(hashtext('rowhouse database'), hashtext($1))
