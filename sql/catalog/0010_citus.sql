-- Servers reach the homes of a Citus coordinator in another way. PostgreSQL 15 and newer. Variables: server.
GRANT SELECT (kind) ON rowhouse.nodes TO :"server";
