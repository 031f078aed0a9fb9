-- Takes the home that stands by for whoever comes next, or for an id: the head of the statement that enters its tenant
-- (src/catalog/enter.c), to which `home` is a row or none. $1 model, $2 id or NULL, $3 and $4 the newest reference and
-- tenant version. PostgreSQL 15 and newer.
WITH home AS (
    SELECT s.home, s.tenant, h.model, h.database, h.schema, CASE h.model WHEN 'database' THEN h.database ELSE h.schema END AS name,
           h.reference_rows, n.id AS node, n.name AS node_name, n.conninfo
    FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home
    JOIN rowhouse.nodes n ON n.id = h.node AND n.state = 'active'
    WHERE s.state = 'ready' AND h.model = $1 AND s.tenant::text = coalesce($2, s.tenant::text)
      AND (h.reference_version, h.tenant_version) = ($3::integer, $4::integer)
    ORDER BY n.away_since IS NOT NULL, s.home LIMIT 1 FOR UPDATE OF s SKIP LOCKED
), taken AS (
    DELETE FROM rowhouse.standby_homes s USING home WHERE s.home = home.home
),
