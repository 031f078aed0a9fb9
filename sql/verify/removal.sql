-- The commands that remove a scratch copy, in order; its marker last, so that what was cut off is found again.
-- $1 name. Row: command. PostgreSQL 15 and newer.
SELECT command FROM (
    SELECT 1 AS step, format('DROP DATABASE IF EXISTS %I WITH (FORCE)', d.datname) AS command
    FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = $1 || '_owner'
    UNION ALL
    SELECT CASE WHEN r.rolname = $1 || '_scratch' THEN 3 ELSE 2 END, format('DROP ROLE IF EXISTS %I', r.rolname)
    FROM pg_roles r WHERE r.rolname IN ($1 || '_server', $1 || '_operator', $1 || '_owner', $1 || '_scratch')
) c
ORDER BY step
