-- Homes of every model: what a tenant asked for before it had a home, and homes that belong to one tenant alone.
-- PostgreSQL 15 and newer.
ALTER TABLE rowhouse.tenants
    ADD COLUMN model text CHECK (model IN ('shared', 'schema', 'database')), -- NULL: the app's default
    ADD COLUMN home_name text CHECK (home_name ~ '^[a-z_][a-z0-9_-]{0,62}$'); -- of the schema or database; NULL: by number

-- A shared home is many tenants', any other at most one's.
CREATE FUNCTION rowhouse.check_home() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.home IS NOT NULL AND (SELECT model FROM rowhouse.homes WHERE id = NEW.home) <> 'shared'
       AND EXISTS (SELECT FROM rowhouse.tenants t WHERE t.home = NEW.home AND t.id <> NEW.id) THEN
        RAISE EXCEPTION 'home % belongs to another tenant', NEW.home USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_home BEFORE INSERT OR UPDATE OF home ON rowhouse.tenants
    FOR EACH ROW EXECUTE FUNCTION rowhouse.check_home();

-- A home of one tenant tells of that tenant only.
CREATE FUNCTION rowhouse.tell_home() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.model = 'shared' THEN
        PERFORM pg_notify('rowhouse_tenant', '*');
    ELSE
        PERFORM pg_notify('rowhouse_tenant', t.id::text) FROM rowhouse.tenants t WHERE t.home = OLD.id;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER tell ON rowhouse.homes;
CREATE TRIGGER tell AFTER UPDATE OR DELETE ON rowhouse.homes FOR EACH ROW EXECUTE FUNCTION rowhouse.tell_home();
