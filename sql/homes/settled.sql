-- What a home has that was just made, as versions.sql, with its reference rows where it holds copies. $1 home, $2 reference
-- version, $3 tenant version, $4 the rows in one word or ''. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.homes SET reference_version = $2, tenant_version = $3, reference_rows = coalesce(nullif($4, ''), reference_rows)
WHERE id = $1
