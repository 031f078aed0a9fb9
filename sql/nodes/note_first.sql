-- Keeps which server the first node is. $1 system identifier. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.nodes SET system_identifier = $1 WHERE id = 1 AND system_identifier IS DISTINCT FROM $1
