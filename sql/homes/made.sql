-- Everything that a schema is made of, in one word: two ways of making it are the same when this is. $1 schema. Row: word.
-- Run with search_path = pg_catalog. PostgreSQL 15 and newer.
WITH space AS (
    SELECT oid FROM pg_namespace WHERE nspname = $1
), object AS ( -- what stands in the schema, and what hangs on that: columns, defaults, constraints, indexes, rules, triggers, policies
    SELECT d.classid, d.objid, 0 AS objsubid FROM pg_depend d JOIN space s ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
    UNION
    SELECT d.classid, d.objid, 0 FROM pg_depend d JOIN pg_depend o ON o.classid = d.refclassid AND o.objid = d.refobjid
    JOIN space s ON o.refclassid = 'pg_namespace'::regclass AND o.refobjid = s.oid
    WHERE d.classid IN ('pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_rewrite'::regclass,
                        'pg_trigger'::regclass, 'pg_policy'::regclass)
), word (word) AS (
    SELECT concat_ws(' ', 'object', i.type, i.identity, (SELECT r.rolname FROM pg_shdepend h JOIN pg_roles r ON r.oid = h.refobjid
               WHERE h.classid = o.classid AND h.objid = o.objid AND h.deptype = 'o' AND h.refclassid = 'pg_authid'::regclass
               AND h.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())), obj_description(o.objid, c.relname))
    FROM object o JOIN pg_class c ON c.oid = o.classid CROSS JOIN pg_identify_object(o.classid, o.objid, o.objsubid) i
    WHERE i.type <> 'toast table' AND i.identity NOT LIKE 'pg_toast%' AND NOT (i.type = 'trigger' AND i.identity LIKE '"RI_ConstraintTrigger%')
    UNION ALL
    SELECT concat_ws(' ', 'schema', nspowner::regrole, nspacl::text, obj_description(n.oid, 'pg_namespace')) FROM pg_namespace n WHERE nspname = $1
    UNION ALL
    SELECT concat_ws(' ', 'relation', c.relname, c.relkind, c.relpersistence, c.relowner::regrole, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
               c.reloptions::text, c.relreplident, c.reltablespace, c.relam, pg_get_expr(c.relpartbound, c.oid),
               CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
               (SELECT concat_ws(' ', format_type(q.seqtypid, NULL), seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) FROM pg_sequence q WHERE q.seqrelid = c.oid))
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws(' ', 'column', c.relname, a.attnum, a.attname, a.attisdropped, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               a.attgenerated, a.attcollation::regcollation, a.attstattarget, a.attstorage, a.attcompression, 
               (SELECT string_agg(v, ',') FROM unnest(a.attoptions) v WHERE v !~ '^pg_'), -- some servers number what was written there
               a.attacl::text,
               pg_get_expr(f.adbin, f.adrelid), col_description(c.oid, a.attnum))
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    UNION ALL
    SELECT concat_ws(' ', 'constraint', k.conname, k.conrelid::regclass, k.contypid::regtype, k.contype, k.convalidated, k.coninhcount, k.conislocal,
               pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN space s ON s.oid = k.connamespace
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered, i.indisreplident)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN space s ON s.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN space s ON s.oid = c.relnamespace WHERE NOT t.tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'rule', pg_get_ruledef(w.oid), w.ev_enabled)
    FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN space s ON s.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws(' ', 'policy', c.relname, p.polname, p.polpermissive, p.polcmd, p.polroles::regrole[]::text,
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN space s ON s.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws(' ', 'routine', p.oid::regprocedure, p.prokind, p.proowner::regrole, p.proacl::text, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END)
    FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
    UNION ALL
    SELECT concat_ws(' ', 'type', t.typname, t.typtype, t.typowner::regrole, t.typacl::text, format_type(t.typbasetype, t.typtypmod), t.typnotnull,
               t.typdefault, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
    FROM pg_type t JOIN space s ON s.oid = t.typnamespace
)
SELECT md5(string_agg(word, E'\n' ORDER BY word)) FROM word
