-- Whether it has been tried to keep a script. $1 key. Row: 1, or none. PostgreSQL 15 and newer.
SELECT 1 FROM rowhouse.home_scripts WHERE key = $1
