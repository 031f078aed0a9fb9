-- Relation caches newer than a revision. $1 revision.
-- Row: reference version, tenant version, content, revision. PostgreSQL 15 and newer.
SELECT reference_version, tenant_version, content, revision FROM rowhouse.relation_caches
WHERE revision > $1 ORDER BY revision
