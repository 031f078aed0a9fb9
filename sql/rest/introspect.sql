-- Reads what the dialect engine knows of one version of the app: relations, keys, foreign keys, functions, types,
-- media type handlers, comments. src/rest/relation.h says what each member means.
-- Parameters: $1 tenant schema, $2 reference schema, $3 name of the tenant key column, $4 name of the root
-- table, $5 the server role, whose privileges count, '' for nobody's: all is allowed (all text). Materialized views and
-- foreign tables, which have no row security, only where $2 is '': of a database that is served as it is.
-- Row shape: one row, one column, jsonb: {"relations": [...], "foreign_keys": [...], "functions": [...],
-- "types": [...], "handlers": [...], "reads": [...], "geojson": ..., "comment": ...}. What is false, null or an empty list is left out of the lists' members.
-- A name that stands in the tenant schema is given without a schema and with "home": true, since that schema
-- has another name in every schema home.
-- Oldest PostgreSQL: 15.
WITH RECURSIVE sets AS (
    SELECT n.oid AS nsp, CASE WHEN n.nspname = $1::text THEN 'tenant' ELSE 'reference' END AS set
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname IN ($1::text, $2::text)
), own_schema AS ( -- its name and a point, as a pattern
    SELECT '\m' || pg_catalog.regexp_replace(pg_catalog.quote_ident($1::text), '[^[:alnum:]_"]', '\\\&', 'g') || '\.' AS pattern
), chain (oid, base, typmod, not_null, typtype, typbasetype) AS (
    SELECT t.oid, t.oid, t.typtypmod, t.typnotnull, t.typtype, t.typbasetype
    FROM pg_catalog.pg_type t
    UNION ALL
    SELECT c.oid, t.oid, greatest(c.typmod, t.typtypmod), c.not_null OR t.typnotnull, t.typtype, t.typbasetype
    FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype
    WHERE c.typtype = 'd'
), forms AS ( -- how to_json() would write the type: domains are looked through, as it does
    SELECT c.oid,
        CASE
            WHEN b.oid IN (20, 21, 23, 700, 701, 1700) THEN 'number'
            WHEN b.oid = 16 THEN 'bool'
            WHEN b.oid IN (114, 3802) THEN 'raw'
            WHEN b.oid = 1114 THEN 'timestamp'
            WHEN b.oid = 1184 THEN 'timestamptz'
            WHEN b.typtype = 'e' OR (b.typtype = 'b' AND b.typcategory <> 'A' AND b.oid < 16384) THEN 'string'
            ELSE 'sql'
        END AS form,
        b.oid AS base,
        c.typmod,
        c.not_null
    FROM chain c JOIN pg_catalog.pg_type b ON b.oid = c.base
    WHERE c.typtype <> 'd'
), types AS (
    SELECT t.oid, coalesce(e.oid, t.oid) AS element, f.form, f.base, f.typmod, f.not_null, n.nspname = 'pg_catalog' AS builtin, n.nspname = $1::text AS home,
        CASE WHEN n.nspname = $1::text THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
            || pg_catalog.quote_ident(coalesce(e.typname, t.typname)) AS name,
        CASE WHEN e.oid IS NULL THEN '' ELSE '[]' END AS brackets
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    JOIN forms f ON f.oid = t.oid
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND t.typtype = 'b'
), own_types AS ( -- what is told of them: enums, domains, composite types, ranges; of other schemas the domains that are met
    SELECT t.oid, y.name
    FROM pg_catalog.pg_type t
    JOIN types y ON y.oid = t.oid
    LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace IN (SELECT nsp FROM sets) AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
        OR t.typtype = 'd' AND (
            t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class k ON k.oid = a.attrelid
                      WHERE k.relnamespace IN (SELECT nsp FROM sets) AND a.attnum > 0)
            OR t.oid IN (SELECT pg_catalog.unnest(p.prorettype || p.proargtypes::oid[]) FROM pg_catalog.pg_proc p
                         WHERE p.pronamespace IN (SELECT nsp FROM sets)))
), near (schemas) AS ( -- where this home's code may stand: not in other tenants' schemas, of which there may be thousands
    SELECT ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace n
                 WHERE n.nspname = $1::text
                     OR n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'rowhouse') AND n.nspname !~ '^h_[0-9]+$')
), view_shows AS MATERIALIZED ( -- which column of a table or view a view's column is: only the view's tree says so, in the second of its braces
    SELECT e.oid, e.m[2]::int2 AS attnum, e.m[3]::oid AS base, e.m[4]::int2 AS base_attnum
    FROM (
        SELECT v.oid, m.m, sum(CASE m[1] WHEN '{' THEN 1 WHEN '}' THEN -1 END) OVER (PARTITION BY v.oid ORDER BY m.n) AS depth
        FROM pg_catalog.pg_class v
        JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid AND r.rulename = '_RETURN'
        CROSS JOIN LATERAL pg_catalog.regexp_matches(r.ev_action::text, '\\.|([{}])|:resno (\d+) :resname (?:[^ \\]|\\.)+ '
            ':ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+) :resjunk false', 'g') WITH ORDINALITY m (m, n)
        WHERE v.relkind IN ('v', 'm') AND v.relnamespace = ANY ((SELECT schemas FROM near)::oid[])
    ) e
    WHERE e.depth = 2 AND e.m[3] <> '0'
), shown_by (oid, attnum, base, base_attnum) AS ( -- through views of views, too
    SELECT v.oid, v.attnum, v.base, v.base_attnum
    FROM view_shows v
    JOIN pg_catalog.pg_class c ON c.oid = v.oid AND c.relnamespace IN (SELECT nsp FROM sets)
    UNION
    SELECT b.oid, b.attnum, v.base, v.base_attnum
    FROM shown_by b
    JOIN view_shows v ON v.oid = b.base AND v.attnum = b.base_attnum
), view_columns AS ( -- a column may be shown several times; the tenant key is the same each time
    SELECT b.*, pg_catalog.row_number() OVER (PARTITION BY b.oid, b.base, b.base_attnum ORDER BY b.attnum) AS nth, a.attname = $3::text AS of_tenant
    FROM shown_by b
    JOIN pg_catalog.pg_attribute a ON a.attrelid = b.base AND a.attnum = b.base_attnum
), view_keys AS ( -- of views that PostgreSQL can update by itself, since each of their rows is one of a table
    SELECT v.oid, pg_catalog.array_agg(v.attnum ORDER BY k.n) AS pk
    FROM view_columns v
    JOIN pg_catalog.pg_constraint p ON p.conrelid = v.base AND p.contype = 'p'
    JOIN pg_catalog.unnest(p.conkey) WITH ORDINALITY k (attnum, n) ON k.attnum = v.base_attnum
    WHERE v.nth = 1 AND pg_catalog.pg_relation_is_updatable(v.oid, false) & 16 = 16
        AND NOT EXISTS ( -- nor a rule that stands in for it, of the view or of one that it reads
            SELECT FROM pg_catalog.pg_rewrite r
            WHERE r.rulename <> '_RETURN'
                AND (r.ev_class = v.oid OR r.ev_class IN (SELECT b.base FROM shown_by b JOIN view_shows w ON w.oid = b.base WHERE b.oid = v.oid)))
    GROUP BY v.oid, p.conrelid, p.conkey
    HAVING count(*) = (SELECT count(*) FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = p.conrelid AND a.attnum = ANY (p.conkey)
                           AND (a.attname <> $3::text OR a.attnum IN (SELECT b.base_attnum FROM view_columns b WHERE b.oid = v.oid)))
), rels AS (
    SELECT c.oid, c.relname, c.relkind, c.reltype, s.set,
        c.relname = $4::text AND s.set = 'tenant' AND c.relkind <> 'v' AS root,
        coalesce(p.conkey, v.pk) AS pk,
        CASE WHEN s.set = 'tenant' THEN coalesce(
            (SELECT a.attnum FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attname = $3::text AND a.attnum > 0 AND NOT a.attisdropped),
            CASE WHEN c.relname = $4::text AND c.relkind <> 'v' AND pg_catalog.array_length(p.conkey, 1) = 1
                 THEN p.conkey[1] END) END AS tenant_key,
        s.set = 'tenant' AND coalesce(pg_catalog.has_table_privilege(nullif($5::text, ''), c.oid, 'INSERT'), true)
            AND u.takes & 8 = 8 AS insertable,
        s.set = 'tenant' AND coalesce(pg_catalog.has_table_privilege(nullif($5::text, ''), c.oid, 'UPDATE'), true)
            AND u.takes & 4 = 4 AS updatable,
        s.set = 'tenant' AND coalesce(pg_catalog.has_table_privilege(nullif($5::text, ''), c.oid, 'DELETE'), true)
            AND u.takes & 16 = 16 AS deletable,
        u.takes
    FROM pg_catalog.pg_class c
    JOIN sets s ON s.nsp = c.relnamespace
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 AS takes OFFSET 0) u -- once, not thrice
    LEFT JOIN pg_catalog.pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
    LEFT JOIN view_keys v ON v.oid = c.oid
    WHERE (c.relkind IN ('r', 'p', 'v') OR $2::text = '' AND c.relkind IN ('m', 'f')) AND NOT c.relispartition
        AND coalesce(pg_catalog.has_table_privilege(nullif($5::text, ''), c.oid, 'SELECT'), true)
), own_typed AS ( -- relations with a column of a type of the app's own, enums apart
    SELECT DISTINCT a.attrelid AS oid FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN rels r ON r.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND t.typnamespace <> 11 AND t.typtype <> 'e'
), plain_tables AS ( -- ordinary tables whose rows are read without any code of the app
    SELECT c.oid FROM pg_catalog.pg_class c
    JOIN rels r ON r.oid = c.oid
    WHERE c.relkind = 'r' AND NOT c.relhassubclass AND c.relam = 2 -- heap
        AND c.oid NOT IN (SELECT oid FROM own_typed)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy w
                        WHERE w.polrelid = c.oid AND w.polname NOT IN ('rowhouse_tenant', 'rowhouse_open'))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_depend e ON e.objid = x.indexrelid
                        WHERE x.indrelid = c.oid AND e.classid = 1259 AND e.refclassid IN (1255, 2617)) -- pg_proc, pg_operator
), plain AS (
    SELECT oid FROM plain_tables
    UNION ALL -- and views of nothing but those, and of functions of PostgreSQL's own that change nothing
    SELECT v.oid FROM rels v
    WHERE v.relkind = 'v' AND v.oid NOT IN (SELECT oid FROM own_typed)
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = v.oid AND (w.rulename <> '_RETURN'
                OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 2618 AND d.objid = w.oid AND NOT (d.refclassid = 1259 -- pg_rewrite, pg_class
                               AND (d.refobjid = v.oid OR d.refobjid IN (SELECT oid FROM plain_tables))))
                OR EXISTS (SELECT FROM pg_catalog.regexp_matches(w.ev_action::text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') m (id)
                           JOIN pg_catalog.pg_proc f ON f.oid = m.id[1]::oid
                           WHERE f.provolatile = 'v' OR f.pronamespace <> 11 OR f.proname LIKE '%\_to\_xml%'))) -- reads whatever is named
), cols AS (
    SELECT a.attrelid, pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', a.attname,
            'type', CASE WHEN t.builtin THEN pg_catalog.format_type(a.atttypid, a.atttypmod)
                         ELSE t.name || coalesce(pg_catalog.substring(
                             pg_catalog.format_type(a.atttypid, a.atttypmod), '\([^()"]*\)'), '') || t.brackets END,
            'of', o.name,
            'home', nullif(t.home, false),
            'form', t.form,
            'not_null', nullif(a.attnotnull, false),
            'has_default', nullif(a.atthasdef OR a.attidentity <> '', false),
            'generated', nullif(a.attgenerated <> '' OR a.attidentity = 'a', false),
            -- for people: what this schema is called is left out
            'default', CASE WHEN a.attgenerated = '' THEN pg_catalog.regexp_replace(
                pg_catalog.pg_get_expr(b.adbin, b.adrelid), (SELECT pattern FROM own_schema), '', 'g') END,
            'comment', d.description) ORDER BY a.attnum) AS columns
    FROM pg_catalog.pg_attribute a
    JOIN types t ON t.oid = a.atttypid
    LEFT JOIN own_types o ON o.oid = t.element
    LEFT JOIN pg_catalog.pg_attrdef b ON b.adrelid = a.attrelid AND b.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_description d
        ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    WHERE a.attnum > 0 AND NOT a.attisdropped
        AND a.attrelid IN (SELECT oid FROM pg_catalog.pg_class
                           WHERE relnamespace IN (SELECT nsp FROM sets) AND relkind IN ('r', 'p', 'v', 'c', 'm', 'f'))
    GROUP BY a.attrelid
), relations AS (
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', r.relname,
            'set', r.set,
            'kind', r.relkind,
            'root', r.root,
            'plain', CASE WHEN r.oid IN (SELECT oid FROM plain) THEN true END,
            'tenant_key', (SELECT a.attname FROM pg_catalog.pg_attribute a
                           WHERE a.attrelid = r.oid AND a.attnum = r.tenant_key),
            'insertable', r.insertable,
            'updatable', r.updatable,
            'deletable', r.deletable,
            'takes', r.takes,
            'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
            'columns', coalesce(c.columns, '[]'),
            'primary_key', coalesce((
                SELECT pg_catalog.jsonb_agg(a.attname ORDER BY k.n)
                FROM pg_catalog.unnest(r.pk) WITH ORDINALITY k (attnum, n)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.attnum
                WHERE pg_catalog.array_length(r.pk, 1) = 1 OR k.attnum IS DISTINCT FROM r.tenant_key), '[]')
        ) ORDER BY r.set DESC, r.relname COLLATE "C") AS list
    FROM rels r LEFT JOIN cols c ON c.attrelid = r.oid
), key_tables AS (
    SELECT k.oid, e.is_from, e.rel, e.cols
    FROM pg_catalog.pg_constraint k
    CROSS JOIN LATERAL (VALUES (true, k.conrelid, k.conkey), (false, k.confrelid, k.confkey)) e (is_from, rel, cols)
    WHERE k.contype = 'f'
), key_views (oid, is_from, rel, cols, base, base_cols) AS ( -- each way in which a view shows all columns, up to 64
    SELECT k.oid, k.is_from, v.oid, ARRAY[v.attnum], k.rel, k.cols
    FROM key_tables k
    JOIN view_columns v ON v.base = k.rel AND v.base_attnum = k.cols[1]
    WHERE v.nth = 1 OR NOT v.of_tenant AND v.nth <= pg_catalog.power(64, 1.0 / pg_catalog.cardinality(k.cols))
    UNION ALL
    SELECT k.oid, k.is_from, k.rel, k.cols || v.attnum, k.base, k.base_cols
    FROM key_views k
    JOIN view_columns v ON v.oid = k.rel AND v.base = k.base AND v.base_attnum = k.base_cols[pg_catalog.cardinality(k.cols) + 1]
    WHERE v.nth = 1 OR NOT v.of_tenant AND v.nth <= pg_catalog.power(64, 1.0 / pg_catalog.cardinality(k.base_cols))
), key_ends AS ( -- the table that has the columns of a key, and each view that shows them all
    SELECT k.oid, k.is_from, k.rel, k.cols FROM key_tables k
    UNION ALL
    SELECT k.oid, k.is_from, k.rel, k.cols FROM key_views k WHERE pg_catalog.cardinality(k.cols) = pg_catalog.cardinality(k.base_cols)
), foreign_keys AS (
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', k.conname,
            'from', f.relname, 'from_set', f.set,
            'to', t.relname, 'to_set', t.set,
            'from_columns', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY u.n)
                             FROM pg_catalog.unnest(fe.cols) WITH ORDINALITY u (attnum, n)
                             JOIN pg_catalog.pg_attribute a ON a.attrelid = fe.rel AND a.attnum = u.attnum),
            'to_columns', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY u.n)
                           FROM pg_catalog.unnest(te.cols) WITH ORDINALITY u (attnum, n)
                           JOIN pg_catalog.pg_attribute a ON a.attrelid = te.rel AND a.attnum = u.attnum),
            'unique', EXISTS (
                SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = k.conrelid AND i.indisunique AND i.indisvalid
                    AND i.indpred IS NULL AND i.indexprs IS NULL
                    AND (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ k.conkey)
        ) ORDER BY f.set DESC, f.relname COLLATE "C", k.conname COLLATE "C", t.relname COLLATE "C", fe.cols, te.cols) AS list
    FROM pg_catalog.pg_constraint k
    JOIN key_ends fe ON fe.oid = k.oid AND fe.is_from
    JOIN key_ends te ON te.oid = k.oid AND NOT te.is_from
    JOIN rels f ON f.oid = fe.rel
    JOIN rels t ON t.oid = te.rel
    WHERE k.contype = 'f'
), given AS MATERIALIZED ( -- first, since the other functions are PostgreSQL's own thousands
    SELECT p.oid, p.pronargs, p.pronargdefaults, u.n, u.type,
        coalesce(p.proargnames[u.n], '') AS name, coalesce(p.proargmodes[u.n], 'i') AS mode
    FROM pg_catalog.pg_proc p
    CROSS JOIN pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY u (type, n)
    WHERE p.pronamespace IN (SELECT nsp FROM sets)
), arguments AS (
    SELECT g.oid, g.n, g.name, g.mode,
        CASE WHEN t.builtin THEN pg_catalog.format_type(t.oid, -1) ELSE t.name || t.brackets END AS type, -- -1: of any length
        t.home, t.form, o.name AS own, t.oid = 2281 AS internal, r.relname AS row_of, r.set AS row_of_set,
        pg_catalog.count(*) FILTER (WHERE g.mode IN ('i', 'b', 'v'))
            OVER (PARTITION BY g.oid ORDER BY g.n) > g.pronargs - g.pronargdefaults AS has_default
    FROM given g
    JOIN types t ON t.oid = g.type
    LEFT JOIN own_types o ON o.oid = t.element
    LEFT JOIN rels r ON r.reltype = g.type
), functions AS (
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', p.proname,
            'set', s.set,
            'arguments', coalesce((
                SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                    'name', a.name, 'type', a.type, 'of', a.own, 'home', nullif(a.home, false),
                    'has_default', nullif(a.has_default, false), 'variadic', nullif(a.mode = 'v', false),
                    'row_of', a.row_of, 'row_of_set', a.row_of_set) ORDER BY a.n)
                FROM arguments a WHERE a.oid = p.oid AND a.mode IN ('i', 'b', 'v')), '[]'),
            'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
            'settings', (
                SELECT pg_catalog.jsonb_object_agg(pg_catalog.split_part(c, '=', 1), pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1))
                FROM pg_catalog.unnest(p.proconfig) c WHERE c !~ '^(search_path|role|session_authorization)='),
            'timeout_ms', (
                SELECT CASE WHEN v ~ '^[0-9]+$' THEN v::bigint
                            WHEN v ~ '^ *[0-9.]+ *(us|ms|s|min|h|d) *$' THEN (extract(epoch FROM v::interval) * 1000)::bigint END
                FROM (SELECT pg_catalog.substr(c, 19) FROM pg_catalog.unnest(p.proconfig) c WHERE c ~ '^statement_timeout=') t (v)),
            'read_only', nullif(p.provolatile <> 'v', false),
            'returns_set', nullif(p.proretset, false),
            'one_row', nullif(NOT p.proretset OR p.prorows = 1, false),
            'returns_void', nullif(p.prorettype = 2278, false),
            'returns_relation', (SELECT r.relname FROM rels r WHERE r.reltype = t.base), -- a domain of its row is one, too
            'returns_relation_set', (SELECT r.set FROM rels r WHERE r.reltype = t.base),
            'return_type', CASE WHEN t.builtin THEN pg_catalog.format_type(t.oid, NULL)
                                ELSE t.name || t.brackets END,
            'return_of', o.name,
            'return_home', nullif(t.home, false),
            'return_form', t.form,
            'columns', coalesce((
                SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                    'name', a.name, 'type', a.type, 'of', a.own, 'home', nullif(a.home, false), 'form', a.form,
                    'generated', true) ORDER BY a.n)
                FROM arguments a WHERE a.oid = p.oid AND a.mode IN ('o', 'b', 't')),
                (SELECT c.columns FROM cols c JOIN pg_catalog.pg_class k ON k.oid = c.attrelid
                 WHERE k.oid = rt.typrelid AND k.relkind = 'c'), '[]')
        ) ORDER BY p.proname COLLATE "C", s.set DESC,
            pg_catalog.pg_get_function_identity_arguments(p.oid) COLLATE "C") AS list
    FROM pg_catalog.pg_proc p
    JOIN sets s ON s.nsp = p.pronamespace
    JOIN types t ON t.oid = p.prorettype
    LEFT JOIN own_types o ON o.oid = t.element
    JOIN pg_catalog.pg_type rt ON rt.oid = t.base
    WHERE p.prokind = 'f' AND p.provariadic <> 2276 -- "any"
        AND p.prorettype NOT IN (2279, 3838, 2281) -- trigger, event_trigger, internal
        AND coalesce(pg_catalog.has_function_privilege(nullif($5::text, ''), p.oid, 'EXECUTE'), true)
        AND NOT EXISTS (SELECT FROM arguments a WHERE a.oid = p.oid AND a.internal)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
                            AND d.deptype = 'e')
), casts AS ( -- PostgreSQL itself ignores those of domains: they say how values are to be shown and read
    SELECT c.castsource, c.casttarget, pg_catalog.jsonb_build_object(
        'name', CASE WHEN n.nspname = $1::text THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
                || pg_catalog.quote_ident(p.proname),
        'home', nullif(n.nspname = $1::text, false)) AS function
    FROM pg_catalog.pg_cast c
    JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE c.castcontext = 'i' AND c.castmethod = 'f'
        AND coalesce(pg_catalog.has_function_privilege(nullif($5::text, ''), p.oid, 'EXECUTE'), true)
), described_types AS (
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', t.typname,
            'type', o.name,
            'home', nullif(y.home, false),
            'media', nullif(t.typtype = 'd' AND (t.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' OR t.typname = '*/*'), false),
            'kind', t.typtype,
            'form', y.form,
            'comment', pg_catalog.obj_description(t.oid, 'pg_type'),
            'labels', (SELECT pg_catalog.jsonb_agg(l.enumlabel ORDER BY l.enumsortorder)
                       FROM pg_catalog.pg_enum l WHERE l.enumtypid = y.base),
            'base', CASE WHEN t.typtype = 'd' THEN
                        CASE WHEN b.builtin THEN pg_catalog.format_type(b.oid, y.typmod) ELSE b.name || b.brackets END END,
            'base_home', nullif(t.typtype = 'd' AND b.home, false),
            'not_null', nullif(y.not_null, false),
            'default', pg_catalog.regexp_replace(
                t.typdefault, (SELECT pattern FROM own_schema), '', 'g'),
            'columns', c.columns,
            'to_json', (SELECT k.function FROM casts k WHERE t.typtype = 'd' AND k.castsource = t.oid AND k.casttarget = 114),
            'from_json', (SELECT k.function FROM casts k WHERE t.typtype = 'd' AND k.castsource = 114 AND k.casttarget = t.oid),
            'to_text', (SELECT k.function FROM casts k WHERE t.typtype = 'd' AND k.castsource = t.oid AND k.casttarget = 25),
            'from_text', (SELECT k.function FROM casts k WHERE t.typtype = 'd' AND k.castsource = 25 AND k.casttarget = t.oid)
        ) ORDER BY o.name COLLATE "C") AS list
    FROM own_types o
    JOIN pg_catalog.pg_type t ON t.oid = o.oid
    JOIN types y ON y.oid = t.oid
    JOIN types b ON b.oid = y.base
    LEFT JOIN cols c ON c.attrelid = t.typrelid AND t.typtype = 'c'
), handlers AS ( -- aggregates over the rows of a relation, or of any, whose result is a body of a media type
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', CASE WHEN s.set = 'tenant' THEN '' ELSE pg_catalog.quote_ident($2::text) || '.' END
                    || pg_catalog.quote_ident(p.proname),
            'home', nullif(s.set = 'tenant', false),
            'media', m.typname, 'relation', r.relname, 'relation_set', r.set)
        ORDER BY m.typname COLLATE "C", r.set DESC, r.relname COLLATE "C", p.oid) AS list
    FROM pg_catalog.pg_proc p
    JOIN sets s ON s.nsp = p.pronamespace
    JOIN pg_catalog.pg_type m ON m.oid = p.prorettype
    JOIN own_types o ON o.oid = m.oid
    LEFT JOIN rels r ON r.reltype = p.proargtypes[0]
    WHERE p.prokind = 'a' AND p.pronargs = 1 AND m.typtype = 'd'
        AND (r.oid IS NOT NULL OR p.proargtypes[0] = 2283) -- anyelement
        AND (m.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' OR m.typname = '*/*')
        AND coalesce(pg_catalog.has_function_privilege(nullif($5::text, ''), p.oid, 'EXECUTE'), true)
), geojson AS ( -- PostGIS', of any row
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) AS name
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proname = 'st_asgeojson' AND p.proargtypes[0] = 2249 AND p.pronargs - p.pronargdefaults <= 1
        AND coalesce(pg_catalog.has_function_privilege(nullif($5::text, ''), p.oid, 'EXECUTE'), true)
    ORDER BY p.oid LIMIT 1
), reading (text) AS ( -- the app's own code that asks for a setting or sets one: 2077, 3294, 2078 are the functions that do
    SELECT coalesce(nullif(p.prosrc, ''), pg_catalog.pg_get_function_sqlbody(p.oid))
    FROM pg_catalog.pg_proc p
    WHERE CASE WHEN p.pronamespace = ANY ((SELECT schemas FROM near)::oid[])
               THEN p.prosrc ~ 'request\.|response\.' OR p.prosqlbody::text ~ ':funcid (2077|3294|2078) ' END
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.pg_get_expr(p.polqual, p.polrelid), ' ', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    WHERE CASE WHEN c.relnamespace = ANY ((SELECT schemas FROM near)::oid[])
               THEN pg_catalog.concat(p.polqual::text, p.polwithcheck::text) ~ ':funcid (2077|3294|2078) ' END
    UNION ALL
    SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
    FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
    WHERE CASE WHEN c.relnamespace = ANY ((SELECT schemas FROM near)::oid[]) THEN d.adbin::text ~ ':funcid (2077|3294|2078) ' END
    UNION ALL
    SELECT pg_catalog.pg_get_viewdef(c.oid)
    FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
    WHERE CASE WHEN c.relnamespace = ANY ((SELECT schemas FROM near)::oid[]) THEN w.ev_action::text ~ ':funcid (2077|3294|2078) ' END
)
SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
    'reads', coalesce((SELECT pg_catalog.jsonb_agg(DISTINCT w.name ORDER BY w.name) FROM (
        VALUES ('request.headers'), ('request.cookies'), ('request.jwt.claims'), ('request.method'), ('request.path'), ('response.')) w (name)
        WHERE EXISTS (SELECT FROM reading r WHERE pg_catalog.strpos(r.text, w.name) > 0 -- a name that is put together: all of them
            OR w.name <> 'response.' AND r.text ~ 'request\.' AND r.text !~ 'request\.(headers|cookies|jwt\.claims|method|path)')), '[]'),
    'relations', coalesce((SELECT list FROM relations), '[]'),
    'foreign_keys', coalesce((SELECT list FROM foreign_keys), '[]'),
    'functions', coalesce((SELECT list FROM functions), '[]'),
    'types', coalesce((SELECT list FROM described_types), '[]'),
    'handlers', coalesce((SELECT list FROM handlers), '[]'),
    'geojson', (SELECT name FROM geojson),
    'comment', (SELECT nullif(pg_catalog.obj_description(nsp, 'pg_namespace'), 'standard public schema')
                FROM sets WHERE set = 'tenant')));
