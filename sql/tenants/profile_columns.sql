-- The profile columns: what the app's catalog set added to rowhouse.tenants. Row: name. PostgreSQL 15 and newer.
SELECT attname FROM pg_attribute
WHERE attrelid = 'rowhouse.tenants'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND attname NOT IN ('id', 'slug', 'name', 'state', 'home', 'failure', 'model', 'home_name', 'home_node', 'created_at', 'updated_at')
ORDER BY attnum
