-- Whether this database is one of a Citus cluster. Row: Citus' version, or none. PostgreSQL 15 and newer.
SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'citus'
