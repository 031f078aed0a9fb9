-- Which rows the reference tables of this database hold: every change of a table gives it a revision that never was
-- before. The shared homes' database is the origin; any other holds a copy and notes here what it is a copy of. No
-- tenant can read it. Variable: owner. PostgreSQL 15 and newer.
CREATE TABLE IF NOT EXISTS rowhouse.reference_revisions (
    name text PRIMARY KEY, -- of the table
    revision text NOT NULL -- in a copy: the origin's, with the version of the reference set that it had
);

-- As the owner, whoever changes the table; it says nothing and takes nothing.
CREATE OR REPLACE FUNCTION rowhouse.note_reference() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO rowhouse.reference_revisions AS r (name, revision)
    SELECT c.relname, gen_random_uuid() FROM pg_class c WHERE c.oid = coalesce(pg_partition_root(TG_RELID), TG_RELID)
    ON CONFLICT (name) DO UPDATE SET revision = excluded.revision;
    RETURN NULL;
END $$;

ALTER TABLE rowhouse.reference_revisions OWNER TO :"owner";
ALTER FUNCTION rowhouse.note_reference() OWNER TO :"owner";
REVOKE ALL ON FUNCTION rowhouse.note_reference() FROM PUBLIC;
