-- What makes schema homes at once: src/home/script.h. Variable: owner. PostgreSQL 15 and newer.
CREATE TABLE IF NOT EXISTS rowhouse.home_scripts (
    key text PRIMARY KEY,    -- of everything that the script comes from
    fittings text,           -- NULL: it was tried, and made something else than the long way
    as_owner boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE rowhouse.home_scripts OWNER TO :"owner";
