-- The commands that distribute what is not distributed yet, tables that are referred to first: reference tables, then the
-- root by its id and tenant tables beside it by the key, or a home's schema as a whole; then what a table held before
-- leaves the coordinator, where it would stay beside the shards. Afterwards nothing is left to do.
-- $1 schema of the tenant set, $2 schema of the reference set, $3 tenant key, $4 root table,
-- $5 whose home it is: '' everybody's (shared), 'template' nobody's, else the id of its only tenant.
-- Row: command. Run with search_path = pg_catalog. Citus 12 and newer.
WITH RECURSIVE missing AS (
    SELECT c.oid, n.nspname, c.relname, n.nspname = $1 AS of_tenant, n.nspname = $1 AND c.relname = $4 AS is_root
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ($1, $2) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = c.oid AND d.partmethod = CASE WHEN n.nspname = $1 THEN 'h' ELSE 'n' END::"char")
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), keyed AS (
    SELECT m.*, a.attname AS key
    FROM missing m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE m.of_tenant AND (a.attname = $3 OR (
        m.is_root
        AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = m.oid AND k.attname = $3 AND NOT k.attisdropped)
        AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = m.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)))
), depth AS ( -- how far a table stands above the tables that refer to it; cycles end at the number of tables
    SELECT oid, 0 AS level FROM missing
    UNION
    SELECT f.confrelid, d.level + 1
    FROM depth d JOIN pg_constraint f ON f.conrelid = d.oid AND f.contype = 'f' AND f.confrelid <> f.conrelid
    WHERE d.level < (SELECT count(*) FROM missing)
), height AS (
    SELECT oid, max(level) AS level FROM depth GROUP BY oid
)
SELECT command FROM (
    SELECT 0 AS step, 0 AS level, m.relname::text AS what, format('DROP TRIGGER rowhouse_note ON %I.%I', m.nspname, m.relname) AS command
    FROM missing m JOIN pg_trigger t ON t.tgrelid = m.oid AND t.tgname = 'rowhouse_note' WHERE NOT m.of_tenant
    UNION ALL -- they may have none
    SELECT 1, level, relname::text AS what, format('SELECT create_reference_table(%L)', format('%I.%I', nspname, relname)) AS command
    FROM missing JOIN height USING (oid) WHERE NOT of_tenant
    UNION ALL
    SELECT CASE WHEN is_root THEN 2 ELSE 3 END, level, relname,
           format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', format('%I.%I', nspname, relname), key,
                  CASE WHEN is_root THEN 'none' ELSE format('%I.%I', $1::text, $4::text) END)
    FROM keyed JOIN height USING (oid) WHERE $5 = ''
    UNION ALL
    SELECT 4, 0, '', format('SELECT citus_schema_distribute(%L)', quote_ident($1))
    WHERE $5 NOT IN ('', 'template')
      AND NOT EXISTS (SELECT FROM pg_dist_schema d JOIN pg_namespace n ON n.oid = d.schemaid WHERE n.nspname = $1)
    UNION ALL -- those that refer to others first: TRUNCATE wants it so
    SELECT 5, -coalesce(h.level, 0), c.relname, format('SELECT truncate_local_data_after_distributing_table(%L)', format('%I.%I', n.nspname, c.relname))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN height h ON h.oid = c.oid
    WHERE n.nspname IN ($1, $2) AND $5 <> 'template' AND c.relkind = 'r' AND NOT c.relispartition AND pg_relation_size(c.oid) > 0
) c
ORDER BY step, level DESC, what
