-- The commands that bring views and functions to the workers that are not there yet, each with what the server role may do
-- with it; to be asked for before distribute.sql's commands, and run after them. A view that groups by a primary key alone stays where it is: Citus cannot spread it.
-- $1 schema of the tenant set, $2 schema of the reference set, $3 server. Row: command. Run with search_path = pg_catalog. Citus 12 and newer.
WITH RECURSIVE view AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.reloptions, c.relacl, w.oid AS rule
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_rewrite w ON w.ev_class = c.oid AND w.ev_type = '1'
    WHERE n.nspname IN ($1, $2) AND c.relkind = 'v'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), bound AS ( -- to the coordinator: itself, or by a view that it reads
    SELECT v.oid FROM view v JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = v.rule
        AND d.refclassid = 'pg_constraint'::regclass
    UNION
    SELECT v.oid FROM bound b JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = b.oid
        AND d.classid = 'pg_rewrite'::regclass JOIN view v ON v.rule = d.objid
), wanted AS (
    SELECT v.* FROM view v
    WHERE v.oid NOT IN (SELECT oid FROM bound)
      AND NOT EXISTS (SELECT FROM pg_dist_object o WHERE o.classid = 'pg_class'::regclass AND o.objid = v.oid)
)
SELECT command FROM (
    SELECT 1 AS step, oid, format('CREATE OR REPLACE VIEW %s%s AS %s', name,
           CASE WHEN reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(reloptions, ', ')) ELSE '' END,
           pg_get_viewdef(oid)) AS command
    FROM wanted
    UNION ALL
    SELECT 2, w.oid, format('GRANT %s ON TABLE %s TO %I', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type), w.name, $3::text)
    FROM wanted w CROSS JOIN aclexplode(w.relacl) x
    WHERE x.grantee = (SELECT oid FROM pg_roles WHERE rolname = $3)
    GROUP BY w.oid, w.name
    UNION ALL
    SELECT 3, p.oid, format('SELECT create_distributed_function(%L)', p.oid::regprocedure)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ($1, $2) AND p.prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_dist_object o WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
) c
ORDER BY step, oid
