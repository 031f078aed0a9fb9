-- How many servers watch the catalog. $1 server role. Row: count. PostgreSQL 15 and newer.
SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()
