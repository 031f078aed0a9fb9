-- Dropped tenants: what a drop that is under way still has to do, and afterwards that the id was given once.
-- PostgreSQL 15 and newer.
CREATE TABLE rowhouse.drops (
    tenant text PRIMARY KEY, -- its id
    slug text NOT NULL,
    name text NOT NULL,
    keep_dump boolean NOT NULL DEFAULT true,
    dump text, -- the file that holds it
    begun_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz -- NULL: under way
);
CREATE INDEX drops_slug ON rowhouse.drops (slug, begun_at);

-- An id is given once, so that a token of a dropped tenant opens nothing that came later.
CREATE FUNCTION rowhouse.check_id() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM rowhouse.drops d WHERE d.tenant = NEW.id::text) THEN
        RAISE EXCEPTION 'tenant % was dropped', NEW.id USING ERRCODE = 'RH002',
            HINT = 'Ids are given once; take another one.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_id BEFORE INSERT OR UPDATE OF id ON rowhouse.tenants
    FOR EACH ROW EXECUTE FUNCTION rowhouse.check_id();
