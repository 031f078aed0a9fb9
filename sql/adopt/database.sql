-- What is known of a database from outside. $1 name. Row: owner, the owner role's comment or '', the database's comment or
-- '', is it a template, does it take connections, encoding, how many others are connected, who they are, prepared
-- transactions, replication slots, subscriptions, settings of its own. No row: there is none. PostgreSQL 15 and newer.
SELECT pg_get_userbyid(d.datdba) AS owner, coalesce(shobj_description(d.datdba, 'pg_authid'), '') AS owner_is,
       coalesce(shobj_description(d.oid, 'pg_database'), '') AS comment, d.datistemplate, d.datallowconn,
       pg_encoding_to_char(d.encoding) AS encoding, s.n AS sessions, s.who,
       (SELECT count(*) FROM pg_prepared_xacts x WHERE x.database = d.datname) AS prepared,
       (SELECT count(*) FROM pg_replication_slots r WHERE r.database = d.datname) AS slots,
       (SELECT count(*) FROM pg_subscription b WHERE b.subdbid = d.oid) AS subscriptions,
       coalesce((SELECT array_to_string(c.setconfig, ', ') FROM pg_db_role_setting c
                 WHERE c.setdatabase = d.oid AND c.setrole = 0), '') AS settings
FROM pg_database d CROSS JOIN LATERAL (
    SELECT count(*) AS n, string_agg(DISTINCT trim(format('%s %s', a.usename, a.application_name)), ', ') AS who
    FROM pg_stat_activity a -- workers of the server itself have no user
    WHERE a.datid = d.oid AND a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL) s
WHERE d.datname = $1
