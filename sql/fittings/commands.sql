-- The commands that would make a home right, in order; no row when it is right already. All of it is read
-- from pg_catalog, so hand-made changes are mended as well.
-- $1 schema of the tenant set, $2 schema of the reference set, $3 tenant key, $4 root table, $5 owner, $6 server,
-- $7 whose home it is: '' everybody's (shared), 'template' nobody's, else the id of its only tenant, $8 type of ids,
-- $9 whether the database is one of a Citus cluster: there a policy holds no sub-select, and stands alone and permissive, since
-- shards get every policy as a permissive one, and the owner is under none, since Citus moves shards as a member of it,
-- $10 whether the home has its database for itself: there policies ask rowhouse.home_tenant(), which holds the constant, so that
-- a clone of the template becomes somebody's by one command.
-- Row: command. Run with search_path = pg_catalog, so that every name is written qualified. PostgreSQL 15 and newer.
WITH role AS (
    SELECT (SELECT oid FROM pg_roles WHERE rolname = $5) AS owner, (SELECT oid FROM pg_roles WHERE rolname = $6) AS server,
           -- whose objects one REASSIGN hands over
           CASE WHEN NOT $9::boolean THEN (SELECT oid FROM pg_roles WHERE rolname = session_user) ELSE 0 END AS operator
), rel AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
           c.relowner, c.reloptions, c.relacl, format('%I.%I', n.nspname, c.relname) AS name,
           n.nspname = $1 AS of_tenant, n.nspname = $1 AND c.relname = $4 AND c.relkind IN ('r', 'p') AS is_root
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ($1, $2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), keyed AS ( -- the column that holds the tenant: the key, or the root's own single-column primary key
    SELECT r.oid, a.attname AS key, a.attnum
    FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE r.of_tenant AND r.relkind IN ('r', 'p', 'v') AND (a.attname = $3 OR (
        r.is_root
        AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = r.oid AND k.attname = $3 AND NOT k.attisdropped)
        AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary AND i.indnkeyatts = 1
                    AND i.indkey[0] = a.attnum)))
), routine AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.prokind, p.proowner, p.proacl, p.proconfig
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname IN ($1, $2)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), bound AS (
    SELECT CASE WHEN $9::boolean THEN 'rowhouse.tenant_id()' ELSE '( SELECT rowhouse.tenant_id() AS tenant_id)' END AS bound
), demanded AS ( -- what the policy of each table must say, as PostgreSQL prints it
    SELECT r.oid, r.name, format('(%I = %s)', k.key, b.bound) AS wanted
    FROM bound b, rel r JOIN keyed k ON k.oid = r.oid WHERE r.relkind IN ('r', 'p') AND $7 = ''
    UNION ALL -- in a home of one tenant a constant: a session bound to somebody else sees nothing
    SELECT r.oid, r.name, format('(%s = %L::%s)', b.bound, $7::text, $8::text)
    FROM bound b, rel r WHERE r.relkind IN ('r', 'p') AND r.of_tenant AND $7 NOT IN ('', 'template') AND NOT $10::boolean
    UNION ALL
    SELECT r.oid, r.name, format('(%s = rowhouse.home_tenant())', b.bound)
    FROM bound b, rel r WHERE r.relkind IN ('r', 'p') AND r.of_tenant AND $10::boolean
), policy AS (
    SELECT d.oid, d.name, d.wanted,
           p.oid IS NOT NULL AS is_there,
           p.polpermissive = $9::boolean AND p.polcmd = '*' AND p.polroles = '{0}'
               AND pg_get_expr(p.polqual, p.polrelid) = d.wanted AND pg_get_expr(p.polwithcheck, p.polrelid) = d.wanted AS is_right,
           o.oid IS NOT NULL AS has_open,
           coalesce(o.polpermissive AND o.polcmd = '*' AND o.polroles = '{0}' AND pg_get_expr(o.polqual, o.polrelid) = 'true'
                    AND pg_get_expr(o.polwithcheck, o.polrelid) = 'true', false) AS is_open,
           $9::boolean OR EXISTS (SELECT FROM pg_policy o WHERE o.polrelid = d.oid AND o.polpermissive
                                  AND o.polname NOT IN ('rowhouse_open', 'rowhouse_tenant')) AS has_own
    FROM demanded d -- joined: pg_get_expr() locks a policy's table, so in a hashed EXISTS those of all homes
    LEFT JOIN pg_policy p ON p.polrelid = d.oid AND p.polname = 'rowhouse_tenant'
    LEFT JOIN pg_policy o ON o.polrelid = d.oid AND o.polname = 'rowhouse_open'
), owned AS ( -- whose database it is; NULL in a template: nobody's rows are to be seen there
    SELECT p.oid IS NOT NULL AND pg_get_function_sqlbody(p.oid) = w.body AND p.prorettype = $8::regtype AND p.provolatile = 'i'
               AND p.proparallel = 's' AND NOT p.prosecdef AND p.proconfig IS NULL AS is_right,
           p.proowner IS NOT DISTINCT FROM role.owner AS is_owners, p.proacl, p.proowner, w.body
    FROM role, (SELECT CASE $7 WHEN 'template' THEN format('RETURN NULL::%s', $8::text) ELSE format('RETURN %L::%s', $7::text, $8::text) END AS body) w
    LEFT JOIN pg_proc p ON p.oid = to_regprocedure('rowhouse.home_tenant()')
    WHERE $10::boolean
), column_grant AS ( -- REVOKE ALL ON TABLE takes these back too
    SELECT r.oid, x.grantee, x.privilege_type
    FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid CROSS JOIN aclexplode(a.attacl) x
), wanted AS ( -- what the server role may do with each relation
    SELECT r.oid, r.name, CASE
               WHEN r.relispartition OR r.relkind IN ('m', 'f') THEN '{}'
               WHEN NOT r.of_tenant THEN '{SELECT}'
               WHEN k.oid IS NULL AND $7 = '' THEN '{}'
               WHEN r.is_root THEN '{SELECT,UPDATE}'
               ELSE '{DELETE,INSERT,SELECT,UPDATE}' END::text[] AS privileges,
           ARRAY(SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' to others' ELSE '' END
                 FROM aclexplode(r.relacl) a, role WHERE a.grantee = role.server
                 UNION SELECT c.privilege_type || ' on a column' FROM column_grant c, role
                 WHERE c.oid = r.oid AND c.grantee = role.server ORDER BY 1) AS held,
           EXISTS (SELECT FROM aclexplode(r.relacl) a WHERE a.grantee = 0)
               OR EXISTS (SELECT FROM column_grant c WHERE c.oid = r.oid AND c.grantee = 0) AS open_to_all
    FROM rel r LEFT JOIN keyed k ON k.oid = r.oid
    WHERE r.relkind <> 'S'
), noted AS (
    SELECT name, relname, relispartition,
           EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = rel.oid AND g.tgname = 'rowhouse_note') AS has_trigger,
           EXISTS (SELECT FROM rowhouse.reference_revisions v WHERE v.name = rel.relname) AS has_revision
    FROM rel WHERE NOT of_tenant AND relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
)
SELECT command FROM (
    -- what the migrations made anywhere: a function left with the operator would run without row security. After the single
    -- changes of owner, which Citus brings to the workers; this one it does not.
    SELECT 15 AS step, '' AS what, format('REASSIGN OWNED BY %I TO %I', session_user, $5) AS command
    WHERE EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND d.classid <> 'pg_default_acl'::regclass
                  AND d.refobjid = (SELECT oid FROM pg_roles WHERE rolname = session_user)
                  AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
    UNION ALL
    SELECT 10, name, format('ALTER TABLE %s OWNER TO %I', name, $5)
    FROM rel, role
    WHERE relowner NOT IN (role.owner, role.operator) AND NOT (relkind = 'S' AND EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 11, name, format('ALTER ROUTINE %s OWNER TO %I', name, $5) FROM routine, role WHERE proowner NOT IN (role.owner, role.operator)
    UNION ALL
    SELECT 12, t.typname, format('ALTER TYPE %I.%I OWNER TO %I', n.nspname, t.typname, $5)
    FROM role, pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE n.nspname IN ($1, $2) AND t.typowner NOT IN (role.owner, role.operator) AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 20, name, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, %s ROW LEVEL SECURITY', name,
                            CASE WHEN $9::boolean THEN 'NO FORCE' ELSE 'FORCE' END)
    FROM rel WHERE of_tenant AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity <> $9::boolean)
    UNION ALL
    SELECT 25, '', format('CREATE OR REPLACE FUNCTION rowhouse.home_tenant() RETURNS %s LANGUAGE sql IMMUTABLE PARALLEL SAFE %s', $8::text, body)
    FROM owned WHERE NOT is_right
    UNION ALL
    SELECT 26, '', format('ALTER FUNCTION rowhouse.home_tenant() OWNER TO %I', $5) FROM owned WHERE NOT is_owners
    UNION ALL
    SELECT 27, '', 'REVOKE ALL ON FUNCTION rowhouse.home_tenant() FROM PUBLIC'
    FROM owned WHERE proowner IS NULL OR EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0)
    UNION ALL
    SELECT 28, '', format('GRANT EXECUTE ON FUNCTION rowhouse.home_tenant() TO %I', $6)
    FROM owned, role WHERE NOT EXISTS (SELECT FROM aclexplode(proacl) a WHERE a.grantee = role.server AND a.privilege_type = 'EXECUTE')
    UNION ALL
    SELECT 30, name, format('DROP POLICY rowhouse_tenant ON %s', name) FROM policy WHERE is_there AND is_right IS NOT TRUE
    UNION ALL
    SELECT 30, name, format('DROP POLICY rowhouse_open ON %s', name) FROM policy WHERE has_open AND NOT is_open
    UNION ALL
    SELECT 31, name, format('CREATE POLICY rowhouse_tenant ON %s AS %s FOR ALL TO PUBLIC USING %s WITH CHECK %s', name,
                            CASE WHEN $9::boolean THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, wanted, wanted)
    FROM policy WHERE is_right IS NOT TRUE
    UNION ALL -- a restrictive policy only takes away: one that allows must stand beside it, the app's own or this one
    SELECT 32, name, format('CREATE POLICY rowhouse_open ON %s AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true)', name)
    FROM policy WHERE NOT is_open AND NOT has_own
    UNION ALL
    SELECT 33, name, format('DROP POLICY rowhouse_open ON %s', name) FROM policy WHERE is_open AND has_own
    UNION ALL
    SELECT 40, r.name, format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT rowhouse.tenant_id()', r.name, k.key)
    FROM keyed k JOIN rel r ON r.oid = k.oid AND r.relkind IN ('r', 'p') AND NOT r.is_root
    LEFT JOIN pg_attrdef d ON d.adrelid = k.oid AND d.adnum = k.attnum
    WHERE pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM 'rowhouse.tenant_id()'
    UNION ALL
    SELECT 50, name, format('ALTER VIEW %s SET (security_invoker = true)', name)
    FROM rel WHERE relkind = 'v' AND NOT coalesce(reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1']
    UNION ALL
    SELECT 60, name, format('ALTER ROUTINE %s SET search_path = %I, %I, pg_temp', name, $1, $2)
    FROM routine WHERE prokind <> 'a'
      AND NOT coalesce(proconfig, '{}') @> ARRAY[format('search_path=%I, %I, pg_temp', $1, $2)]
    UNION ALL
    SELECT 70, n.nspname, format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, $6)
    FROM pg_namespace n, role
    WHERE n.nspname IN ($1, $2) AND NOT EXISTS (
        SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = role.server AND a.privilege_type = 'USAGE')
    UNION ALL
    SELECT 71, name, format('REVOKE ALL ON TABLE %s FROM PUBLIC', name) FROM wanted WHERE open_to_all
    UNION ALL
    SELECT 72, name, format('REVOKE ALL ON TABLE %s FROM %I', name, $6) FROM wanted WHERE NOT held <@ privileges
    UNION ALL
    SELECT 73, min(name), format('GRANT %s ON TABLE %s TO %I', array_to_string(privileges, ', '), string_agg(name, ', ' ORDER BY name), $6)
    FROM wanted WHERE cardinality(privileges) > 0 AND held <> privileges GROUP BY privileges
    UNION ALL
    SELECT 74, min(name), format('GRANT USAGE ON SEQUENCE %s TO %I', string_agg(name, ', ' ORDER BY name), $6)
    FROM rel, role
    WHERE relkind = 'S' AND of_tenant AND NOT EXISTS (
        SELECT FROM aclexplode(relacl) a WHERE a.grantee = role.server AND a.privilege_type = 'USAGE')
    HAVING count(*) > 0
    UNION ALL
    SELECT 75, name, format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', name)
    FROM routine r
    WHERE EXISTS (SELECT FROM aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee = 0)
    UNION ALL
    SELECT 76, min(name), format('GRANT EXECUTE ON ROUTINE %s TO %I', string_agg(name, ', ' ORDER BY name), $6)
    FROM routine r, role
    WHERE NOT EXISTS (SELECT FROM aclexplode(r.proacl) a WHERE a.grantee = role.server AND a.privilege_type = 'EXECUTE')
    HAVING count(*) > 0
    UNION ALL -- reference tables say when their rows change; on Citus they may have no triggers and nobody counts
    SELECT 80, name, format('CREATE TRIGGER rowhouse_note AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s'
                            ' FOR EACH STATEMENT EXECUTE FUNCTION rowhouse.note_reference()', name)
    FROM noted WHERE NOT has_trigger
    UNION ALL
    SELECT 81, name, format('INSERT INTO rowhouse.reference_revisions (name, revision) VALUES (%L, gen_random_uuid())'
                            ' ON CONFLICT (name) DO UPDATE SET revision = excluded.revision', relname)
    FROM noted WHERE NOT relispartition AND NOT (has_trigger AND has_revision)
) c
ORDER BY step, what
