-- How large a database is. $1 name. Row: bytes. PostgreSQL 15 and newer.
SELECT pg_database_size($1)
