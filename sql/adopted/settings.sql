-- What the login role says of how the database is to be served: ALTER ROLE ... SET pgrst.name, for this database
-- before for all of them.
-- Row shape: name without pgrst., value.
-- Oldest PostgreSQL: 15.
SELECT DISTINCT ON (1)
    pg_catalog.substr(c.text, 7, pg_catalog.strpos(c.text, '=') - 7),
    pg_catalog.substr(c.text, pg_catalog.strpos(c.text, '=') + 1)
FROM pg_catalog.pg_db_role_setting s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c (text)
WHERE s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = session_user)
    AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    AND c.text LIKE 'pgrst.%'
ORDER BY 1, s.setdatabase DESC;
