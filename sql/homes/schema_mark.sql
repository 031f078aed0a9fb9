-- What a schema's comment says. $1 schema. Row: comment or ''. No row: there is none. PostgreSQL 15 and newer.
SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1
