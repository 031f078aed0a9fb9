-- The applied migrations of every home in this database: the truth about versions stands beside the tables and is
-- written in their transaction. Variable: owner. PostgreSQL 15 and newer.
CREATE TABLE IF NOT EXISTS rowhouse.applied_migrations (
    home bigint NOT NULL, -- 0: the database itself, for the sets that exist once per database
    set text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (home, set, number)
);
ALTER TABLE rowhouse.applied_migrations OWNER TO :"owner";
