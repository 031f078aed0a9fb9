-- One tenant by id or slug, as the operator names it. $1 id or slug. Ids begin with a digit or are uuids, slugs begin
-- with a letter; a uuid may do so too, so the id is looked for first.
-- Row: every column of rowhouse.tenants. PostgreSQL 15 and newer.
SELECT * FROM rowhouse.tenants WHERE id::text = lower($1) OR slug = $1 ORDER BY id::text = lower($1) DESC LIMIT 1
