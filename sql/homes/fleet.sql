-- Homes that a fleet query asks. $1 true: each tenant of a shared home apart, false: a shared home once.
-- Row: model, database, schema, tenant's id and slug (NULL for a shared home as a whole), how many tenants, number, name,
-- conninfo and kind of the node. PostgreSQL 15 and newer.
SELECT h.model, h.database, h.schema, t.id, t.slug,
       CASE WHEN t.id IS NULL THEN (SELECT count(*) FROM rowhouse.tenants u
                                    WHERE u.home = h.id AND u.state IN ('active', 'suspended', 'moving'))
            ELSE 1 END,
       n.id, n.name, n.conninfo, n.kind
FROM rowhouse.homes h JOIN rowhouse.nodes n ON n.id = h.node
     LEFT JOIN rowhouse.tenants t ON t.home = h.id AND (h.model <> 'shared' OR $1)
WHERE (h.model = 'shared' AND NOT $1) OR t.state IN ('active', 'suspended', 'moving')
ORDER BY h.model <> 'shared', h.node, h.database, t.slug
