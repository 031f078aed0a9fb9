-- What one tenant may use where that differs from the server's defaults; NULL is as those. Times in milliseconds, sizes in
-- bytes, the rate in requests a second; 0 is no bound, but for the time and the size. PostgreSQL 15 and newer. Variables:
-- id_type, server.
CREATE TABLE rowhouse.tenant_limits (
    tenant :id_type PRIMARY KEY REFERENCES rowhouse.tenants ON DELETE CASCADE,
    concurrency integer CHECK (concurrency BETWEEN 0 AND 10000),
    rate numeric(12, 3) CHECK (rate BETWEEN 0 AND 1000000),
    statement_timeout integer CHECK (statement_timeout BETWEEN 1 AND 86400000),
    rows integer CHECK (rows BETWEEN 0 AND 1000000000),
    body bigint CHECK (body BETWEEN 1 AND 1099511627776)
);

-- Servers read the tenant again.
CREATE FUNCTION rowhouse.tell_limits() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('rowhouse_tenant', coalesce(NEW.tenant, OLD.tenant)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON rowhouse.tenant_limits
    FOR EACH ROW EXECUTE FUNCTION rowhouse.tell_limits();

GRANT SELECT ON rowhouse.tenant_limits TO :"server";
