-- Settings of the roles that the login role may become, as ALTER ROLE ... SET says them, where the login role may
-- set them: PostgREST's "impersonated role settings".
-- Row shape: role, setting, value; of statement_timeout also its milliseconds.
-- Oldest PostgreSQL: 15.
SELECT r.rolname, s.name, v.value,
    CASE WHEN s.name <> 'statement_timeout' THEN NULL
         WHEN v.value ~ '^[0-9]+$' THEN v.value
         WHEN v.value ~ '^ *[0-9.]+ *(us|ms|s|min|h|d) *$' THEN (extract(epoch FROM v.value::interval) * 1000)::bigint::text END
FROM pg_catalog.pg_roles r
CROSS JOIN LATERAL pg_catalog.unnest(r.rolconfig) WITH ORDINALITY c (text, n)
CROSS JOIN LATERAL (SELECT pg_catalog.substr(c.text, pg_catalog.strpos(c.text, '=') + 1)) v (value)
JOIN pg_catalog.pg_settings s ON s.name = pg_catalog.substr(c.text, 1, pg_catalog.strpos(c.text, '=') - 1)
WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') AND r.rolname <> session_user
    AND (s.context = 'user' OR pg_catalog.has_parameter_privilege(s.name, 'SET'))
    AND s.name NOT IN ('role', 'session_authorization')
ORDER BY r.rolname, c.n;
