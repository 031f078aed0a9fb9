-- Standby homes: made before their tenant comes, each for an id that was drawn for it, so that all that a home says of its
-- tenant is in place already. PostgreSQL 15 and newer. Variable: id_type.
CREATE TABLE rowhouse.standby_homes (
    home bigint PRIMARY KEY REFERENCES rowhouse.homes ON DELETE CASCADE,
    tenant :id_type NOT NULL UNIQUE, -- of nobody yet
    state text NOT NULL DEFAULT 'making' CHECK (state IN ('making', 'ready', 'leaving')),
    failure text,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- An id as the catalog gives it that no tenant has, had, or is to get.
CREATE FUNCTION rowhouse.draw_tenant_id() RETURNS :id_type LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    series text := pg_get_serial_sequence('rowhouse.tenants', 'id');
    drawn rowhouse.tenants.id%TYPE;
BEGIN
    LOOP
        IF series IS NULL THEN
            drawn := gen_random_uuid();
        ELSE
            drawn := nextval(series);
        END IF;
        EXIT WHEN NOT EXISTS (SELECT FROM rowhouse.tenants t WHERE t.id = drawn)
              AND NOT EXISTS (SELECT FROM rowhouse.drops d WHERE d.tenant = drawn::text)
              AND NOT EXISTS (SELECT FROM rowhouse.standby_homes s WHERE s.tenant = drawn);
    END LOOP;
    RETURN drawn;
END $$;

-- Somebody came with the id that a home was prepared for, and lives elsewhere: the home is nobody's any more.
CREATE FUNCTION rowhouse.leave_standby() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE rowhouse.standby_homes SET state = 'leaving' WHERE tenant = NEW.id AND state <> 'leaving';
    RETURN NULL;
END $$;
CREATE TRIGGER leave_standby AFTER INSERT OR UPDATE OF id ON rowhouse.tenants
    FOR EACH ROW EXECUTE FUNCTION rowhouse.leave_standby();
