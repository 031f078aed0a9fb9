-- The commands that make the catalog right after its migrations: everything belongs to the owner, nothing is open to
-- everyone. $1 owner. Row: command. Run with search_path = pg_catalog. PostgreSQL 15 and newer.
WITH role AS (SELECT oid FROM pg_roles WHERE rolname = $1), space AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('rowhouse', 'public')
)
SELECT format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, $1) AS command
FROM pg_class c JOIN space n ON n.oid = c.relnamespace, role
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relowner <> role.oid
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, $1)
FROM pg_proc p JOIN space n ON n.oid = p.pronamespace, role
WHERE p.proowner <> role.oid
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure)
FROM pg_proc p JOIN space n ON n.oid = p.pronamespace
WHERE EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
