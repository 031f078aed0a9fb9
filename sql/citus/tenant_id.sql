-- rowhouse.tenant_id() as fittings/tenant_id.sql has it, for Citus: that one is inlined, and Citus refuses a CASE or COALESCE
-- with calls in it in statements that write. Beside it rowhouse.enter(), which binds a tenant for the transaction on the
-- coordinator and on every worker that it meets; to be called alone, after BEGIN: Citus sends SET LOCAL on, set_config never.
-- Variables: owner, server, operator, id_type. Citus 12 and newer.
CREATE OR REPLACE FUNCTION rowhouse.believes() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN session_user IN (:'server', :'operator');

CREATE OR REPLACE FUNCTION rowhouse.tenant_id() RETURNS :id_type
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    tenant pg_catalog.text := pg_catalog.current_setting('rowhouse.tenant', true);
BEGIN
    IF rowhouse.believes() AND pg_catalog.length(tenant) OPERATOR(pg_catalog.>) 0 THEN
        RETURN tenant;
    END IF;
    RAISE EXCEPTION 'no tenant is bound to this session'
        USING ERRCODE = 'RH001', HINT = 'Bind one, for example with `rowhouse psql TENANT`.';
END $$;

CREATE OR REPLACE FUNCTION rowhouse.enter(tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET citus.propagate_set_commands = 'local' AS $$
BEGIN
    EXECUTE format('SET LOCAL rowhouse.tenant = %L', tenant);
END $$;

ALTER FUNCTION rowhouse.believes() OWNER TO :"owner";
ALTER FUNCTION rowhouse.tenant_id() OWNER TO :"owner";
ALTER FUNCTION rowhouse.enter(text) OWNER TO :"owner";
REVOKE ALL ON FUNCTION rowhouse.believes(), rowhouse.tenant_id(), rowhouse.enter(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rowhouse.believes(), rowhouse.tenant_id(), rowhouse.enter(text) TO :"server";
