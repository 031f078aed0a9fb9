-- Scratch copies of an app that nobody works with any more: killed before they could remove them. $1 how their names
-- begin. Row: name. PostgreSQL 15 and newer.
SELECT name FROM (
    SELECT left(rolname, -length('_scratch')) AS name FROM pg_roles
    WHERE rolname ~ ('^' || $1 || '_verify_[0-9a-f]{8}_scratch$') AND shobj_description(oid, 'pg_authid') = 'rowhouse scratch copy'
) s
WHERE NOT EXISTS ( -- the lock of locked.sql, whatever database its session is in
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 2
      AND l.classid = (hashtext('rowhouse verify')::bigint & 4294967295)::oid
      AND l.objid = (hashtext(name)::bigint & 4294967295)::oid)
