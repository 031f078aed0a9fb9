-- What is known of a company beyond id, slug and name: `rowhouse tenant create SLUG --profile image_url=...`.
-- tenant/on_create.sql copies it into the company's own row.
ALTER TABLE rowhouse.tenants ADD COLUMN image_url text;
