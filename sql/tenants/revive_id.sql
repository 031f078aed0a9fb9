-- Lets the id of a dropped tenant be used again: for its own rows, restored and adopted. $1 id. No row.
-- PostgreSQL 15 and newer.
DELETE FROM rowhouse.drops WHERE tenant = $1 AND ended_at IS NOT NULL
