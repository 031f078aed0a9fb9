-- Takes back what PostgreSQL gives to everyone in a database of ours, and makes our schemas in it.
-- Run in that database as the admin. Variables: database, owner, server, operator. PostgreSQL 15 and newer.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"server", :"operator";
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS rowhouse AUTHORIZATION :"owner";
CREATE SCHEMA IF NOT EXISTS reference AUTHORIZATION :"owner";
REVOKE ALL ON SCHEMA rowhouse, reference FROM PUBLIC;
GRANT USAGE ON SCHEMA rowhouse TO :"server";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE :"operator" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- Large objects belong to no tenant, so no role of ours makes any. pg_catalog is the superuser's: an admin who is none
-- cannot take this back.
DO $$
BEGIN
    REVOKE EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),
        pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;
