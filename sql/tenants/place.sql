-- Makes a home's row for a tenant that comes, while the first node is the only one: the head of the statement that enters the
-- tenant (src/catalog/enter.c), to which `home` is a row or none. $1 model, $2 the app's name, $3 the shared homes' database.
-- PostgreSQL 15 and newer.
WITH n AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('rowhouse.homes', 'id')) AS id FROM rowhouse.nodes
    HAVING count(*) = 1 AND bool_and(state = 'active')
), home AS (
    INSERT INTO rowhouse.homes (id, model, node, database, schema) OVERRIDING SYSTEM VALUE
    SELECT n.id, $1, 1, CASE WHEN $1 = 'database' THEN $2::text || '_h_' || n.id ELSE $3::text END,
           CASE WHEN $1 = 'database' THEN 'public' ELSE 'h_' || n.id END
    FROM n
    RETURNING id AS home, model, database, schema, CASE model WHEN 'database' THEN database ELSE schema END AS name, reference_rows,
              1 AS node, NULL::text AS node_name, NULL::text AS conninfo
),
