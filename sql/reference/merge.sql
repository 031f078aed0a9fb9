-- The commands that make a reference table what a temporary table of its name holds; run in a copy. Rows are told apart
-- by the primary key, without one by what others refer to. In a table that others refer to, rows that changed are
-- updated, since what refers to a row might go with it; else they go and come again, so that unique values may change
-- places. Without either key all rows go and come. The app's own triggers are off
-- meanwhile: what they did at the origin is in the rows already. Citus changes no reference table by a temporary one: there
-- it is a reference table for the time of the transaction. $1 schema of the reference set, $2 table, $3 whether it is Citus.
-- Row: make the temporary table, fill it (COPY), triggers off, delete, update or '', insert, triggers on, look at it for the
-- plans.
-- PostgreSQL 15 and newer.
WITH t AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, CASE WHEN $3::boolean THEN format('%I.%I', n.nspname, 'rowhouse_fresh_' || md5(c.relname))
                ELSE format('pg_temp.%I', c.relname) END AS fresh,
           quote_ident(c.relname) AS plain, CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END AS only,
           EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid) AS referred_to
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
), cols AS (
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) AS plain,
           string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attname) AS held,
           string_agg(format('n.%I', a.attname), ', ' ORDER BY a.attname) AS wanted,
           string_agg(format('t.%I::text IS NOT DISTINCT FROM n.%I::text', a.attname, a.attname), ' AND ') AS same_text,
           string_agg(format('%I = n.%I', a.attname, a.attname), ', ') FILTER (WHERE a.attidentity <> 'a') AS assigned
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
), key AS (
    SELECT string_agg(format('t.%I = n.%I', a.attname, a.attname), ' AND ') AS same
    FROM t JOIN pg_index i ON i.indexrelid = coalesce(
        (SELECT p.indexrelid FROM pg_index p WHERE p.indrelid = t.oid AND p.indisprimary),
        (SELECT min(f.conindid) FROM pg_constraint f WHERE f.confrelid = t.oid AND f.contype = 'f' AND f.conparentid = 0))
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
), triggers AS (
    SELECT string_agg(format('ALTER TABLE %s DISABLE TRIGGER %I', t.name, g.tgname), ';') AS off,
           string_agg(format('ALTER TABLE %s ENABLE %s %I', t.name, CASE g.tgenabled WHEN 'R' THEN 'REPLICA TRIGGER'
                      WHEN 'A' THEN 'ALWAYS TRIGGER' ELSE 'TRIGGER' END, g.tgname), ';') AS on
    FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
), said AS (
    SELECT CASE WHEN $3::boolean THEN format('(%s)', same_text) -- what Citus sends on loses the cast
                ELSE format('ROW(%s)::record OPERATOR(pg_catalog.*=) ROW(%s)::record', held, wanted) END AS alike FROM cols
)
SELECT CASE WHEN $3::boolean
            THEN format('SET LOCAL citus.enable_local_execution = off; CREATE TABLE %s AS SELECT %s FROM %s WITH NO DATA; SELECT create_reference_table(%L)', t.fresh, c.plain, t.name, t.fresh)
            ELSE format('CREATE TEMP TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA', t.plain, c.plain, t.name) END,
       format('COPY %s (%s) FROM STDIN', t.fresh, c.plain),
       coalesce(g.off, ''),
       CASE WHEN k.same IS NULL THEN format('DELETE FROM %s%s', t.only, t.name)
            ELSE format('DELETE FROM %s%s t WHERE NOT EXISTS (SELECT FROM %s n WHERE %s%s)', t.only, t.name, t.fresh, k.same,
                        CASE WHEN t.referred_to THEN '' ELSE ' AND ' || s.alike END) END,
       CASE WHEN k.same IS NOT NULL AND t.referred_to AND c.assigned IS NOT NULL
            THEN format('UPDATE %s%s t SET %s FROM %s n WHERE %s AND NOT %s', t.only, t.name, c.assigned, t.fresh, k.same, s.alike)
            ELSE '' END,
       format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s n', t.name, c.plain, c.wanted, t.fresh)
           || CASE WHEN k.same IS NULL THEN ''
                   ELSE format(' WHERE NOT EXISTS (SELECT FROM %s%s t WHERE %s)', t.only, t.name, k.same) END,
       CASE WHEN $3::boolean THEN format('DROP TABLE %s', t.fresh) ELSE coalesce(g.on, '') END,
       format('ANALYZE %s', t.fresh)
FROM t, cols c, key k, triggers g, said s
