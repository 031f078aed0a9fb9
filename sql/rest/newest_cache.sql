-- The relation cache of the newest version of the app that a home has. Row: tenant version, content. No row before the
-- first migration. PostgreSQL 15 and newer.
SELECT tenant_version, content FROM rowhouse.relation_caches ORDER BY tenant_version DESC, reference_version DESC LIMIT 1
