-- Who owns a database. $1 name. Row: owner. No row: there is none. PostgreSQL 15 and newer.
SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1
