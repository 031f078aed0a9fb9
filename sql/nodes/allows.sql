-- How many connections a role that is no superuser may have in all. Row: one number. PostgreSQL 15 and newer.
SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
       - coalesce(current_setting('reserved_connections', true), '0')::integer
