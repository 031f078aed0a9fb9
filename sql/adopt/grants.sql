-- Who besides everybody may do anything with a database, its owner apart. $1 name. Row: role. PostgreSQL 15 and newer.
SELECT DISTINCT pg_get_userbyid(a.grantee)
FROM pg_database d CROSS JOIN aclexplode(d.datacl) a
WHERE d.datname = $1 AND a.grantee NOT IN (0, d.datdba)
