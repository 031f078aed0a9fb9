-- What a home has, for servers to choose the relation cache by. $1 home, $2 reference version, $3 tenant version.
-- No row. PostgreSQL 15 and newer.
UPDATE rowhouse.homes SET reference_version = $2, tenant_version = $3
WHERE id = $1 AND (reference_version, tenant_version) <> ($2, $3)
