-- As place.sql, for a tenant whose home is seen to afterwards: there is none. PostgreSQL 15 and newer.
WITH home AS (
    SELECT NULL::bigint AS home, NULL::text AS model, NULL::text AS database, NULL::text AS schema, NULL::text AS name,
           NULL::text AS reference_rows, NULL::integer AS node, NULL::text AS node_name, NULL::text AS conninfo WHERE false
),
