-- Tenants whose home is a database that was there before: at which version of the app it was taken over. A creation that
-- was interrupted goes on with it. Variable: id_type. PostgreSQL 15 and newer.
CREATE TABLE rowhouse.adoptions (
    tenant :id_type PRIMARY KEY REFERENCES rowhouse.tenants ON DELETE CASCADE,
    version integer NOT NULL CHECK (version > 0),
    begun_at timestamptz NOT NULL DEFAULT now()
);
