-- The tenants as the app's own views see them: INSERT INTO schools(school_name) makes a tenant that waits for its home,
-- DELETE starts its drop, and what only Rowhouse's verbs may change stays as it is. The verbs say who they are by the
-- setting rowhouse.verb. PostgreSQL 15 and newer.

-- The slug a name gives, as src/catalog/tenant.c makes it; a number behind it when it is taken.
CREATE FUNCTION rowhouse.free_slug(name text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stem text := left(trim(BOTH '-' FROM regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')), 55);
    candidate text;
    n integer := 1;
BEGIN
    IF stem = '' THEN
        stem := 'tenant';
    ELSIF stem ~ '^[0-9]' THEN
        stem := 't-' || stem;
    END IF;
    stem := trim(BOTH '-' FROM stem);
    candidate := stem;
    WHILE EXISTS (SELECT FROM rowhouse.tenants t WHERE t.slug = candidate) LOOP
        n := n + 1;
        candidate := stem || '-' || n;
    END LOOP;
    RETURN candidate;
END $$;

CREATE FUNCTION rowhouse.guard_tenant() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('rowhouse.verb', true) = 'on' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.slug := coalesce(NEW.slug, rowhouse.free_slug(NEW.name));
        IF NEW.state <> 'pending' OR NEW.home IS NOT NULL OR NEW.failure IS NOT NULL THEN
            RAISE EXCEPTION 'a new tenant is pending and has no home'
                USING ERRCODE = 'check_violation', HINT = 'Leave state and home out; rowhouse migrate gives it a home.';
        END IF;
        INSERT INTO rowhouse.audit (action, tenant, detail)
        VALUES ('create', NEW.id::text, jsonb_build_object('slug', NEW.slug, 'by', 'sql'));
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN -- the drop is the verb's work: rowhouse migrate, or the server, goes on with it
        IF OLD.state IN ('pending', 'active', 'suspended', 'failed') THEN
            UPDATE rowhouse.tenants SET state = 'dropping', updated_at = now() WHERE id = OLD.id;
            INSERT INTO rowhouse.audit (action, tenant, detail)
            VALUES ('state', OLD.id::text, jsonb_build_object('from', OLD.state, 'to', 'dropping', 'by', 'sql'));
            -- whoever deletes through a door is told that it was begun
            PERFORM set_config('rowhouse.drops', (coalesce(nullif(current_setting('rowhouse.drops', true), ''), '0')::integer + 1)::text, true);
        ELSIF OLD.state <> 'dropping' THEN
            RAISE EXCEPTION 'tenant % is % and cannot be dropped now', OLD.slug, OLD.state USING ERRCODE = 'object_in_use';
        END IF;
        RETURN NULL;
    END IF;
    IF NEW.id <> OLD.id OR NEW.home IS DISTINCT FROM OLD.home
       OR (NEW.state <> OLD.state AND pg_trigger_depth() < 2)
       OR (NEW.home_name IS DISTINCT FROM OLD.home_name AND OLD.home IS NOT NULL)
       OR (NEW.model IS DISTINCT FROM OLD.model AND OLD.home IS NOT NULL) THEN
        RAISE EXCEPTION 'id, state and home of a tenant change only by rowhouse tenant'
            USING ERRCODE = 'check_violation', HINT = 'See rowhouse help tenant.';
    END IF;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON rowhouse.tenants
    FOR EACH ROW EXECUTE FUNCTION rowhouse.guard_tenant();

-- A slug that looks like an id would be taken for that tenant.
ALTER TABLE rowhouse.tenants ADD CONSTRAINT slug_is_no_id CHECK (
    slug !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$');

-- A lower-case name is what CREATE DATABASE and people mean; a mixed one is refused with a word about it.
ALTER TABLE rowhouse.tenants DROP CONSTRAINT tenants_home_name_check;
ALTER TABLE rowhouse.tenants ADD CONSTRAINT home_name_is_lower_case CHECK (home_name ~ '^[a-z_][a-z0-9_-]{0,62}$'),
    ADD CONSTRAINT home_name_is_free CHECK (home_name !~ '^(pg_|postgres$|template[01]$|public$|reference$|rowhouse|information_schema$)');
CREATE UNIQUE INDEX tenants_home_name ON rowhouse.tenants (home_name, model);
