-- Writes down that a tenant is to be dropped and how; again: changes how. $1 id, $2 whether to keep a dump, NULL: as it was
-- said, yes at first. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.drops AS d (tenant, slug, name, keep_dump)
SELECT id::text, slug, name, coalesce($2::boolean, true) FROM rowhouse.tenants WHERE id = $1
ON CONFLICT (tenant) DO UPDATE SET keep_dump = coalesce($2::boolean, d.keep_dump)
