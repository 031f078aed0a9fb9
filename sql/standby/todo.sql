-- What standby homes need: as many of each model as wished for, at the newest versions. A model is in use when it is the
-- app's or a tenant lives in such a home. $1 how many, $2 the app's model.
-- Those on nodes that take no new homes leave, and others are made in their place.
-- Row: what (leave, finish, forward, make), model, home, database, schema, tenant, number, name and conninfo of the node; of
-- make only the model.
-- PostgreSQL 15 and newer.
WITH newest AS (
    SELECT coalesce(max(number) FILTER (WHERE set = 'reference'), 0) AS reference,
           coalesce(max(number) FILTER (WHERE set = 'tenant'), 0) AS tenant
    FROM rowhouse.versions
), wish AS (
    SELECT m.model, CASE WHEN NOT EXISTS (
        SELECT FROM rowhouse.nodes WHERE state = 'active' AND NOT (kind = 'citus' AND m.model = 'database')) THEN 0 WHEN m.model = $2 OR EXISTS (
        SELECT FROM rowhouse.homes h WHERE h.model = m.model
        AND NOT EXISTS (SELECT FROM rowhouse.standby_homes s WHERE s.home = h.id)) THEN $1::integer ELSE 0 END AS n
    FROM (VALUES ('schema'), ('database')) m (model)
), standby AS (
    SELECT s.home, s.state, s.tenant, h.model, h.database, h.schema, d.id AS node, d.name, d.conninfo, d.state <> 'active' AS closed,
           (h.reference_version, h.tenant_version) <> (newest.reference, newest.tenant) AS behind,
           row_number() OVER (PARTITION BY h.model, s.state = 'leaving' OR d.state <> 'active' ORDER BY s.state = 'making', s.home) AS place
    FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home JOIN rowhouse.nodes d ON d.id = h.node, newest
)
SELECT CASE WHEN s.state = 'leaving' OR s.closed OR s.place > w.n THEN 'leave' WHEN s.state = 'making' THEN 'finish' ELSE 'forward' END AS what,
       s.model, s.home, s.database, s.schema, s.tenant::text, s.node, s.name, s.conninfo
FROM standby s JOIN wish w ON w.model = s.model
WHERE s.state <> 'ready' OR s.behind OR s.closed OR s.place > w.n
UNION ALL
SELECT 'make', w.model, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM wish w CROSS JOIN LATERAL generate_series(
    1, w.n - (SELECT count(*) FROM standby s WHERE s.model = w.model AND s.state <> 'leaving' AND NOT s.closed)) g
ORDER BY 3 NULLS LAST, 2
