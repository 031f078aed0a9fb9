-- What the app's own views may not do, said in words: names that cannot be, what only Rowhouse's verbs change, and the
-- audit of what is renamed this way. PostgreSQL 15 and newer.

-- The slug a name gives; a number behind it when it is taken, also by a transaction that has not ended.
CREATE OR REPLACE FUNCTION rowhouse.free_slug(name text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    PERFORM pg_advisory_xact_lock(hashtext('rowhouse slug'), hashtext(stem));
    candidate := stem;
    WHILE EXISTS (SELECT FROM rowhouse.tenants t WHERE t.slug = candidate) LOOP
        n := n + 1;
        candidate := stem || '-' || n;
    END LOOP;
    RETURN candidate;
END $$;

CREATE FUNCTION rowhouse.check_names(t rowhouse.tenants) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF t.slug !~ '^[a-z][a-z0-9_-]{0,62}$' OR t.slug ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RAISE EXCEPTION '"%" cannot be a slug', left(t.slug, 100) USING ERRCODE = 'check_violation',
            HINT = 'A slug begins with a letter and has at most 63 lower-case letters, digits, - and _.';
    ELSIF t.name = '' OR octet_length(t.name) > 1024 THEN
        RAISE EXCEPTION 'the name is empty or longer than 1024 bytes' USING ERRCODE = 'check_violation';
    ELSIF t.home_name !~ '^[a-z_][a-z0-9_-]{0,62}$' THEN
        RAISE EXCEPTION '"%" cannot be the name of a home', left(t.home_name, 100) USING ERRCODE = 'check_violation',
            HINT = 'It begins with a lower-case letter and has at most 63 lower-case letters, digits, - and _.';
    ELSIF t.home_name ~ '^(pg_|postgres$|template[01]$|public$|reference$|rowhouse|information_schema$)' THEN
        RAISE EXCEPTION '"%" cannot be the name of a home', t.home_name USING ERRCODE = 'check_violation',
            HINT = 'PostgreSQL or Rowhouse uses that name; leave it out to have the home named by its number.';
    END IF;
END $$;

-- An id that was given: the sequence goes past it, so that no later tenant meets it.
CREATE FUNCTION rowhouse.pass_id(id text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s regclass := pg_get_serial_sequence('rowhouse.tenants', 'id');
BEGIN
    IF s IS NOT NULL AND id::bigint > coalesce(pg_sequence_last_value(s), 0) THEN
        PERFORM setval(s, id::bigint);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION rowhouse.guard_tenant() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('rowhouse.verb', true) = 'on' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF coalesce(NEW.slug, NEW.name) IS NULL THEN
            RAISE EXCEPTION 'a tenant needs a slug or a name' USING ERRCODE = 'not_null_violation';
        END IF;
        NEW.slug := coalesce(NEW.slug, rowhouse.free_slug(NEW.name));
        NEW.name := coalesce(NEW.name, NEW.slug);
        IF NEW.state <> 'pending' OR NEW.home IS NOT NULL OR NEW.failure IS NOT NULL THEN
            RAISE EXCEPTION 'a new tenant is pending and has no home'
                USING ERRCODE = 'check_violation', HINT = 'Leave state and home out; rowhouse migrate gives it a home.';
        END IF;
        PERFORM rowhouse.check_names(NEW), rowhouse.pass_id(NEW.id::text);
        IF NEW.home_name ~ '(^|_)h_[0-9]+$' THEN
            RAISE EXCEPTION '"%" cannot be the name of a home', NEW.home_name USING ERRCODE = 'check_violation',
                HINT = 'Homes without a name of their own are called so; leave it out.';
        END IF;
        INSERT INTO rowhouse.audit (action, tenant, detail)
        VALUES ('create', NEW.id::text, jsonb_build_object('slug', NEW.slug, 'by', 'sql'));
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN -- the drop is the verb's work: the server, or rowhouse migrate, goes on with it
        IF OLD.state IN ('pending', 'active', 'suspended', 'failed') THEN
            UPDATE rowhouse.tenants SET state = 'dropping', updated_at = now() WHERE id = OLD.id;
            INSERT INTO rowhouse.audit (action, tenant, detail)
            VALUES ('state', OLD.id::text, jsonb_build_object('from', OLD.state, 'to', 'dropping', 'by', 'sql'));
        ELSIF OLD.state <> 'dropping' THEN
            RAISE EXCEPTION 'tenant % is % and cannot be dropped now', OLD.slug, OLD.state USING ERRCODE = 'object_in_use';
        END IF;
        -- whoever deletes through a door is told that it was begun
        PERFORM set_config('rowhouse.drops', (coalesce(nullif(current_setting('rowhouse.drops', true), ''), '0')::integer + 1)::text, true);
        RETURN NULL;
    END IF;
    IF pg_trigger_depth() > 1 AND NEW.state = 'dropping' THEN -- the one above
        RETURN NEW;
    END IF;
    IF OLD.state = 'dropping' THEN
        RAISE EXCEPTION 'tenant % is being dropped', OLD.slug USING ERRCODE = 'object_in_use';
    END IF;
    IF (NEW.id, NEW.state, NEW.created_at) <> (OLD.id, OLD.state, OLD.created_at)
       OR NEW.home IS DISTINCT FROM OLD.home OR NEW.failure IS DISTINCT FROM OLD.failure
       OR (NEW.home_name IS DISTINCT FROM OLD.home_name AND OLD.home IS NOT NULL)
       OR (NEW.model IS DISTINCT FROM OLD.model AND OLD.home IS NOT NULL)
       OR (NEW.home_node IS DISTINCT FROM OLD.home_node AND OLD.home IS NOT NULL) THEN
        RAISE EXCEPTION 'id, state and home of a tenant change only by rowhouse tenant'
            USING ERRCODE = 'check_violation', HINT = 'See rowhouse help tenant, or POST /tenants/ID/suspend on the control door.';
    END IF;
    PERFORM rowhouse.check_names(NEW);
    IF (NEW.slug, NEW.name) <> (OLD.slug, OLD.name) THEN
        INSERT INTO rowhouse.audit (action, tenant, detail)
        SELECT 'rename', NEW.id::text, jsonb_build_object('from', OLD.slug, 'to', NEW.slug, 'by', 'sql')
               || CASE WHEN OLD.name <> NEW.name THEN jsonb_build_object('from_name', OLD.name, 'to_name', NEW.name) ELSE '{}' END;
    END IF;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
