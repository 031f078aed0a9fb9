-- Whether a database holds no more than what its making puts there: no tables, or the template's. Run in that database.
-- Row: nothing stands in schema public, the applied migrations are there to be asked. PostgreSQL 15 and newer.
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'public'::pg_catalog.regnamespace),
       pg_catalog.to_regclass('rowhouse.applied_migrations') IS NOT NULL
