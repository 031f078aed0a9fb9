-- What the function db-pre-config has said in this transaction by set_config('pgrst.name', ...).
-- Parameters: $1 the names, without pgrst., as an array.
-- Row shape: name, value.
-- Oldest PostgreSQL: 15.
SELECT n.name, pg_catalog.current_setting('pgrst.' || n.name, true)
FROM pg_catalog.unnest($1::text[]) n (name)
WHERE pg_catalog.current_setting('pgrst.' || n.name, true) <> '';
