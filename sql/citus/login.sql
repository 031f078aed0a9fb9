-- How this node logs in on the others as one of our roles. Only superusers read that table. $1 role, $2 its password as
-- conninfo. No row. Citus 12 and newer.
INSERT INTO pg_catalog.pg_dist_authinfo AS i (nodeid, rolename, authinfo) VALUES (0, $1, $2)
ON CONFLICT (rolename, nodeid) DO UPDATE SET authinfo = excluded.authinfo WHERE i.authinfo <> excluded.authinfo
