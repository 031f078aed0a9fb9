-- How large a body of one tenant may be that is loaded while it comes in, in bytes; NULL is as the server's default, or as its
-- bound for bodies. PostgreSQL 15 and newer.
ALTER TABLE rowhouse.tenant_limits ADD COLUMN load bigint CHECK (load BETWEEN 1 AND 1099511627776);
