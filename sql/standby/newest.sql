-- The newest versions that the catalog knows. Row: reference version, tenant version. PostgreSQL 15 and newer.
SELECT coalesce(max(number) FILTER (WHERE set = 'reference'), 0), coalesce(max(number) FILTER (WHERE set = 'tenant'), 0)
FROM rowhouse.versions
