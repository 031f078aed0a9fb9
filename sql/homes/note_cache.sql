-- Keeps the relation cache of a version, under a new revision when it changed. $1 reference version, $2 tenant
-- version, $3 content. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.relation_caches AS c (reference_version, tenant_version, content) VALUES ($1, $2, $3)
ON CONFLICT (reference_version, tenant_version) DO UPDATE
SET content = excluded.content, revision = excluded.revision, made_at = now() WHERE c.content <> excluded.content
