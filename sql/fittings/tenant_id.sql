-- rowhouse.tenant_id(): the tenant of the session. The setting is believed only when the one who logged in is the
-- server or the operator; session_user stays that login inside SECURITY DEFINER functions and cannot be SET.
-- Anything else raises RH001: a statement that reaches a tenant table unbound must fail, not see nothing.
-- The body is in SQL-standard form: names are bound when it is made, so it needs no search_path and is inlined.
-- Variables: owner, server, operator, id_type. PostgreSQL 15 and newer.
CREATE OR REPLACE FUNCTION rowhouse.unbound() RETURNS :id_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'no tenant is bound to this session'
        USING ERRCODE = 'RH001', HINT = 'Bind one, for example with `rowhouse psql TENANT`.';
END $$;

CREATE OR REPLACE FUNCTION rowhouse.tenant_id() RETURNS :id_type
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN session_user IN (:'server', :'operator')
            THEN COALESCE(CAST(NULLIF(current_setting('rowhouse.tenant', true), '') AS :id_type), rowhouse.unbound())
            ELSE rowhouse.unbound() END;

ALTER FUNCTION rowhouse.unbound() OWNER TO :"owner";
ALTER FUNCTION rowhouse.tenant_id() OWNER TO :"owner";
REVOKE ALL ON FUNCTION rowhouse.unbound(), rowhouse.tenant_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rowhouse.unbound(), rowhouse.tenant_id() TO :"server";
