-- Whose a database is. $1 name. Row: owner, comment or ''. No row: there is none. PostgreSQL 15 and newer.
SELECT pg_get_userbyid(datdba), coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1
