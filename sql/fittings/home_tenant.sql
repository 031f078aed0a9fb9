-- Whose the database is, as commands.sql would make it; the function is there. Variables: id_type, tenant. PostgreSQL 15 and newer.
CREATE OR REPLACE FUNCTION rowhouse.home_tenant() RETURNS :id_type LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CAST(:'tenant' AS :id_type)
