-- What a server says of itself before it becomes a node. Run as its admin. Row: system identifier, whether it is a
-- standby, whether the admin may make roles and databases. PostgreSQL 15 and newer.
SELECT (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(), rolsuper OR (rolcreaterole AND rolcreatedb)
FROM pg_roles WHERE rolname = current_user
