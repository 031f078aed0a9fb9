-- Clients as the identity service calls them. What a user is beyond a tenant stands in columns of its own.
ALTER TABLE rowhouse.tenants
    ADD COLUMN email text UNIQUE,
    ADD COLUMN phone text;

CREATE VIEW users AS
SELECT id, name, email, phone, created_at, updated_at, slug, state, home_name AS schema_name
FROM rowhouse.tenants;
