-- The commands that hand objects in our schemas to the owner when they belong to somebody else than the owner and the
-- operator, such as a table that an administrator made: the fittings, run as the operator, could not change them.
-- $1 owner, $2 operator. Row: command. Run as the admin, with search_path = pg_catalog. PostgreSQL 15 and newer.
WITH ours AS (
    SELECT oid FROM pg_roles WHERE rolname IN ($1, $2)
), space AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('public', 'reference', 'rowhouse')
)
SELECT format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, $1::text) AS command
FROM pg_class c JOIN space n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relowner NOT IN (SELECT oid FROM ours)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, $1::text)
FROM pg_proc p JOIN space n ON n.oid = p.pronamespace
WHERE p.proowner NOT IN (SELECT oid FROM ours)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT format('ALTER TYPE %I.%I OWNER TO %I', n.nspname, t.typname, $1::text)
FROM pg_type t JOIN space n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typowner NOT IN (SELECT oid FROM ours) AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
UNION ALL
SELECT format('ALTER %s %s OWNER TO %I', upper(replace(i.type, ' object', '')), i.identity, $1::text)
FROM (SELECT 'pg_operator'::regclass, oid, oprnamespace, oprowner FROM pg_operator
      UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace, opcowner FROM pg_opclass
      UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace, opfowner FROM pg_opfamily
      UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace, collowner FROM pg_collation
      UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace, conowner FROM pg_conversion
      UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, cfgowner FROM pg_ts_config
      UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace, dictowner FROM pg_ts_dict
      UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, stxowner FROM pg_statistic_ext
     ) o (class, oid, namespace, owner) JOIN space n ON n.oid = o.namespace CROSS JOIN pg_identify_object(o.class, o.oid, 0) i
WHERE o.owner NOT IN (SELECT oid FROM ours)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
