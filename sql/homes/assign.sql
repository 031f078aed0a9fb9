-- Gives a tenant a home of its own: a new row, named by its number or as asked, and the tenant points to it. $1 tenant,
-- $2 model, $3 the app's name, $4 the shared homes' database, $5 node. Row: id, database, schema. PostgreSQL 15 and newer.
WITH n AS (
    SELECT nextval(pg_get_serial_sequence('rowhouse.homes', 'id')) AS id, t.home_name FROM rowhouse.tenants t WHERE t.id = $1
), h AS (
    INSERT INTO rowhouse.homes (id, model, node, database, schema) OVERRIDING SYSTEM VALUE
    SELECT n.id, $2, $5::integer, CASE WHEN $2 = 'database' THEN coalesce(n.home_name, $3::text || '_h_' || n.id) ELSE $4::text END,
           CASE WHEN $2 = 'database' THEN 'public' ELSE coalesce(n.home_name, 'h_' || n.id) END
    FROM n
    RETURNING id, database, schema
), t AS (
    UPDATE rowhouse.tenants
    SET home = h.id, home_name = coalesce(home_name, CASE WHEN $2 = 'database' THEN h.database ELSE h.schema END) FROM h WHERE tenants.id = $1
)
SELECT id, database, schema FROM h
