-- What stands in a database and cannot stay in a home, whatever the app's tables are like. Row: what it is, its name, what
-- to do. $1 role whose schemas of Rowhouse may stand there already, or ''. Run as the admin, with search_path = pg_catalog. PostgreSQL 15 and newer.
WITH member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT 'schema' AS what, nspname AS name,
       CASE WHEN nspname IN ('rowhouse', 'reference', 'adopted') THEN 'the name is Rowhouse''s own: rename the schema, or drop it'
            ELSE 'tables of a home lie in public: move what is needed there, and drop the schema' END AS advice
FROM pg_namespace n
WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')
  AND NOT (nspname IN ('rowhouse', 'reference') AND pg_get_userbyid(nspowner) = $1::text)
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = n.oid)
UNION ALL
SELECT 'function', p.oid::regprocedure::text, 'PostgreSQL''s own schemas have none but PostgreSQL''s: DROP FUNCTION'
FROM pg_proc p
WHERE p.oid >= 16384 AND p.pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
UNION ALL
SELECT 'extension', e.extname, format('only trusted extensions may stand in a home: DROP EXTENSION %I', e.extname)
FROM pg_extension e
WHERE e.extname <> 'plpgsql' AND NOT EXISTS (
    SELECT FROM pg_available_extension_versions v WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)
UNION ALL
SELECT 'extension', e.extname, format('it has a schema of its own: ALTER EXTENSION %I SET SCHEMA public', e.extname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname NOT IN ('public', 'pg_catalog')
UNION ALL -- what an extension brings itself is the superuser's, who made it; whoever owns a trusted one can put more into it
SELECT 'part of an extension', i.type || ' ' || i.identity, format('it is no part of it by itself: ALTER EXTENSION %I DROP %s %s', e.extname, upper(i.type), i.identity)
FROM pg_extension e JOIN pg_depend d ON d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
JOIN pg_shdepend o ON o.classid = d.classid AND o.objid = d.objid AND o.deptype = 'o' AND o.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
JOIN pg_roles r ON r.oid = o.refobjid AND NOT r.rolsuper CROSS JOIN pg_identify_object(d.classid, d.objid, 0) i
UNION ALL
SELECT 'event trigger', evtname, format('it would run at every migration: DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger
UNION ALL
SELECT 'foreign data wrapper', fdwname, format('DROP FOREIGN DATA WRAPPER %I', fdwname) FROM pg_foreign_data_wrapper
UNION ALL
SELECT 'foreign server', srvname, format('it leads out of the home: DROP SERVER %I', srvname) FROM pg_foreign_server
UNION ALL
SELECT 'publication', pubname, format('it leads out of the home: DROP PUBLICATION %I', pubname) FROM pg_publication
UNION ALL
SELECT 'language', l.lanname, format('only trusted languages may stand in a home: DROP LANGUAGE %I', l.lanname)
FROM pg_language l WHERE l.oid >= 16384 AND NOT l.lanpltrusted
UNION ALL
SELECT 'large objects', count(*)::text, 'no role of the app reads them: move them into bytea columns'
FROM pg_largeobject_metadata HAVING count(*) > 0
ORDER BY 1, 2
