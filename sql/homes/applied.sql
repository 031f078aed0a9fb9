-- The applied migrations of a set in a home. $1 home, $2 set. Row: number, checksum, name. PostgreSQL 15 and newer.
SELECT number, checksum, name FROM rowhouse.applied_migrations WHERE home = $1 AND set = $2 ORDER BY number
