-- A node leaves the catalog, with its shared home; refused by the foreign keys while anything is on it. $1 number.
-- Row: 1. PostgreSQL 15 and newer.
WITH h AS (
    DELETE FROM rowhouse.homes WHERE node = $1 AND model = 'shared'
), t AS ( -- their homes are elsewhere by now
    UPDATE rowhouse.tenants SET home_node = NULL WHERE home_node = $1 AND home IS NOT NULL
), n AS (
    DELETE FROM rowhouse.nodes WHERE id = $1 AND id <> 1 RETURNING name
)
INSERT INTO rowhouse.audit (action, detail) SELECT 'node remove', jsonb_build_object('node', name) FROM n RETURNING 1
