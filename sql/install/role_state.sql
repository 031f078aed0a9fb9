-- What is known of a role. $1 name.
-- Row: comment (text or NULL), can_login, is_super, bypasses_rls, inherits_any. No row: there is none.
-- PostgreSQL 15 and newer.
SELECT shobj_description(r.oid, 'pg_authid') AS comment, r.rolcanlogin, r.rolsuper, r.rolbypassrls,
       EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS is_member
FROM pg_roles r
WHERE r.rolname = $1
