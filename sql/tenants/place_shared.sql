-- As place.sql, for a tenant that shares a home. $1 the home. PostgreSQL 15 and newer.
WITH home AS (
    SELECT h.id AS home, h.model, h.database, h.schema, NULL::text AS name, h.reference_rows,
           1 AS node, NULL::text AS node_name, NULL::text AS conninfo FROM rowhouse.homes h
    WHERE h.id = $1 AND (SELECT count(*) = 1 AND bool_and(n.state = 'active') FROM rowhouse.nodes n)
),
