-- Enters a home for a tenant that is to come. $1 model, $2 the app's name, $3 the shared homes' database, $4 node.
-- Row: home, database, schema, tenant. PostgreSQL 15 and newer.
WITH n AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('rowhouse.homes', 'id')) AS id, rowhouse.draw_tenant_id() AS tenant
), h AS (
    INSERT INTO rowhouse.homes (id, model, node, database, schema) OVERRIDING SYSTEM VALUE
    SELECT n.id, $1, $4::integer, CASE WHEN $1 = 'database' THEN $2::text || '_h_' || n.id ELSE $3::text END,
           CASE WHEN $1 = 'database' THEN 'public' ELSE 'h_' || n.id END
    FROM n
    RETURNING id, database, schema
), s AS (
    INSERT INTO rowhouse.standby_homes (home, tenant) SELECT n.id, n.tenant FROM n
)
SELECT h.id, h.database, h.schema, n.tenant FROM h, n
