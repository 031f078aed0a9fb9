/* SPDX-License-Identifier: Apache-2.0
 *
 * A property: what is rendered of a row is, to the byte, what to_json() of the row gives; for every type that
 * PostgreSQL has, arrays of each, and types of the app's own, with edge values and values by chance, under
 * settings that change how values look. A type of a new PostgreSQL that has no values here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg/db.h"
#include "private_pg.h"
#include "rest/rest.h"
#include "sql.h"
#include "verify/dice.h"

#define MAX_ANSWER ((size_t)64 << 20)
#define BY_CHANCE 40 /* rows */

static private_pg pg;
static rh_db *db;
static bool available;

/* Values of each type, in its text form; \x1f between them. To add a type: a row. */
#define O "\x1f"
static const struct {
    const char *type, *values;
} edges[] = {
    {"aclitem", "postgres=r/postgres" O "=arwdDxt/postgres"},
    {"bit", "0" O "1"},
    {"bool", "t" O "f"},
    {"box", "(1,2),(3,4)" O "(0.1,-1e300),(Infinity,NaN)"},
    {"bpchar", "" O "a" O "blank " O "\"" O "\xc3\xa9"},
    {"bytea", "" O "\\x00ff" O "\\\\x\"" O "abc"},
    {"char", "" O "a" O "\"" O "\\" O "/" O "\\200" O "\\377"},
    {"cid", "0" O "7"},
    {"cidr", "10.0.0.0/8" O "::/0" O "2001:db8::/32"},
    {"circle", "<(1,2),3>" O "<(0.1,-0),1e-300>"},
    {"date", "2020-02-29" O "0044-03-15 BC" O "infinity" O "-infinity" O "10000-01-01" O "0001-01-01" O
             "5874897-12-31" O "4713-01-01 BC"},
    {"float4", "0" O "-0" O "1" O "0.1" O "NaN" O "Infinity" O "-Infinity" O "1e38" O "1e-45" O "1000000" O
               "10000000" O "0.0001" O "0.00001" O "-1.5"},
    {"float8", "0" O "-0" O "1" O "0.1" O "NaN" O "Infinity" O "-Infinity" O "1e308" O "5e-324" O
               "100000000000000" O "1000000000000000" O "1e15" O "1e16" O "0.0001" O "0.00001" O "-1.5"},
    {"inet", "10.1.2.3" O "10.1.2.3/8" O "::1" O "2001:db8::1/64"},
    {"int2", "0" O "-32768" O "32767"},
    {"int2vector", "" O "1 2 -3"},
    {"int4", "0" O "-2147483648" O "2147483647"},
    {"int8", "0" O "-9223372036854775808" O "9223372036854775807"},
    {"interval", "0" O "1 day" O "-1 mon +2 days -03:04:05.678901" O "178000000 years" O "1 year -1 day" O
                 "00:00:00.000001" O "-00:00:01.5"},
    {"json", "null" O "{}" O " { \"a\" : [ 1 , \"x\\u00e9\\\"\" ] , \"a\" : 1.0e+2 } " O "\"text\"" O "[]" O
             "1.50" O "true" O "{\"b\":\n1}"},
    {"jsonb", "null" O "{}" O "{\"a\": [1, \"x\\u00e9\\\"\"], \"b\": 1.0e+2}" O "\"text\"" O "[]" O "1.50"},
    {"jsonpath", "$" O "$.\"a b\"[*] ? (@ > 1)"},
    {"line", "{1,2,3}"},
    {"lseg", "[(1,2),(3,4)]"},
    {"macaddr", "08:00:2b:01:02:03"},
    {"macaddr8", "08:00:2b:01:02:03:04:05"},
    {"money", "0" O "-1.50" O "92233720368547758.07" O "-92233720368547758.08"},
    {"name", "" O "a \"name\"" O "\xc3\xa9"},
    {"numeric", "0" O "-0.0" O "1.50" O "NaN" O "Infinity" O "-Infinity" O "1e100" O "1e-100" O
                "123456789012345678901234567890.12345678901234567890" O "-1" O ".5"},
    {"oid", "0" O "4294967295"},
    {"oidvector", "" O "1 2"},
    {"path", "((1,2),(3,4))" O "[(1,2)]"},
    {"pg_lsn", "0/0" O "FFFFFFFF/FFFFFFFF"},
    {"pg_snapshot", "10:20:10,14,15"},
    {"point", "(1,2)" O "(NaN,-Infinity)" O "(0.1,1e-300)"},
    {"polygon", "((1,2),(3,4),(5,6))"},
    {"refcursor", "" O "a \"cursor\"\n"},
    {"regclass", "pg_class" O "-" O "12345678"},
    {"regcollation", "\"C\"" O "12345678"},
    {"regconfig", "english" O "12345678"},
    {"regdatabase", "postgres" O "12345678"},
    {"regdictionary", "english_stem" O "12345678"},
    {"regnamespace", "pg_catalog" O "12345678"},
    {"regoper", "||/" O "0"},
    {"regoperator", "+(integer,integer)" O "0"},
    {"regproc", "now" O "-"},
    {"regprocedure", "abs(integer)" O "-"},
    {"regrole", "postgres" O "12345678"},
    {"regtype", "integer" O "\"char\"" O "12345678"},
    {"text", "" O " " O "\"\\/\b\f\n\r\t" O "\x01\x02\x1e\x7f" O "\xc2\x80\xc2\x9f\xe2\x80\xa8\xe2\x80\xa9" O
             "\xf0\x9f\x98\x80\xef\xbf\xbf" O "NULL" O "{\"a\":1}" O "</script>"},
    {"tid", "(0,1)" O "(4294967295,65535)"},
    {"time", "00:00:00" O "24:00:00" O "23:59:59.999999" O "01:02:03.4"},
    {"timestamp",
     "2020-01-02 03:04:05" O "2020-01-02 03:04:05.678" O "0044-03-15 12:00:00 BC" O "infinity" O "-infinity" O
     "294276-12-31 23:59:59.999999" O "4713-01-01 00:00:00 BC" O "10000-01-01 00:00:00.000001"},
    {"timestamptz", "2020-01-02 03:04:05+00" O "2020-01-02 03:04:05.678+05:45" O "0044-03-15 12:00:00 BC" O
                    "infinity" O "-infinity" O "1800-01-01 00:00:00+00" O "294276-12-01 23:59:59.999999+00" O
                    "4713-01-05 00:00:00+00 BC" O "10000-01-01 00:00:00.000001+00"},
    {"timetz", "00:00:00+00" O "24:00:00-15:59" O "23:59:59.999999+05:45" O "01:02:03+05:41:16"},
    {"tsquery", "" O "'a' & !'b':*" O "'it''s' <-> '\"'"},
    {"tsvector", "" O "'a':1A 'it''s' '\"':2,3"},
    {"txid_snapshot", "10:20:10,14,15"},
    {"uuid", "00000000-0000-0000-0000-000000000000" O "ffffffff-FFFF-ffff-ffff-ffffffffffff"},
    {"varbit", "" O "0101"},
    {"varchar", "" O "a" O "\"x\"\n"},
    {"xid", "0" O "4294967295"},
    {"xid8", "0" O "18446744073709551615"},
    {"xml", "<a b=\"c\">\n&amp;</a>" O "text"},
    {"int4range", "empty" O "[1,5)" O "(,)" O "[-3,)"},
    {"int8range", "empty" O "[1,5)"},
    {"numrange", "empty" O "[1.50,NaN)" O "(,\"Infinity\"]"},
    {"daterange", "empty" O "[2020-01-01,2020-02-01)" O "[-infinity,infinity)"},
    {"tsrange", "empty" O "[2020-01-01 00:00,\"2020-02-01 01:02:03.5\")"},
    {"tstzrange", "empty" O "[2020-01-01 00:00+00,\"2020-02-01 01:02:03.5+05:45\")"},
    {"int4multirange", "{}" O "{[1,2),[5,9)}"},
    {"int8multirange", "{}" O "{[1,2),[5,9)}"},
    {"nummultirange", "{}" O "{[1.5,2),[5,9)}"},
    {"datemultirange", "{}" O "{[2020-01-01,2020-02-01)}"},
    {"tsmultirange", "{}" O "{[2020-01-01,2020-02-01)}"},
    {"tstzmultirange", "{}" O "{[2020-01-01,2020-02-01)}"},
    {"public.mood", "ok" O "it's \"bad\", {x}" O "\xc3\xa9\\"},
    {"public.pair", "(1,\"a \"\"b\"\"\")" O "(,)" O "(-5,)"},
    {"public.nest", "(\"(1,a)\",\"{1,NULL}\",2020-01-01 00:00:00+00)"},
    {"public.small", "1" O "99"},
    {"public.tiny", "1"},
    {"public.moment", "2020-01-02 03:04:05.678+05:45" O "infinity"},
    {"public.texts", "{}" O "{a,NULL,\"b\\\"\"}"},
    {"public.couple", "(1,x)"},
    {"public.floats", "empty" O "[0.1,NaN)"},
    {"public.floatss", "{}" O "{[0.1,1e300)}"},
    {"public.hstore", "" O "a=>1,\"b\\\"\"=>NULL"},
};

/* They take no value from anybody. */
static const char *const without_values[] = {
    "gtsvector",    "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary", "pg_dependencies", "pg_mcv_list",
    "pg_ndistinct", "pg_node_tree"};

static const char own_types[] =
    "CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;"
    "CREATE TYPE public.mood AS ENUM ('ok', 'it''s \"bad\", {x}', E'\\u00e9\\\\');"
    "CREATE TYPE public.pair AS (a integer, \"b \"\"c\" text);"
    "CREATE TYPE public.nest AS (p public.pair, n integer[], t timestamptz);"
    "CREATE DOMAIN public.small AS integer CHECK (VALUE < 100);"
    "CREATE DOMAIN public.tiny AS public.small;"
    "CREATE DOMAIN public.moment AS timestamptz(3);"
    "CREATE DOMAIN public.texts AS text[];"
    "CREATE DOMAIN public.couple AS public.pair;"
    "CREATE TYPE public.floats AS RANGE (subtype = float8, multirange_type_name = public.floatss);";

/* SQL of a value by chance; $1 is not used, each row draws anew. */
static const struct {
    const char *type, *sql;
} by_chance[] = {
    {"bool", "random() < 0.5"},
    {"int2", "(random() * 65535 - 32768)::int2"},
    {"int4", "(random() * 4294967295 - 2147483648)::int4"},
    {"int8", "((random() - 0.5) * 1.8e19)::int8"},
    {"float4", "((random() - 0.5) * 10 ^ (random() * 70 - 35))::float4"},
    {"float8", "(random() - 0.5) * 10 ^ (random() * 600 - 300)"},
    {"numeric", "round(((random() - 0.5) * 10 ^ (random() * 40 - 20))::numeric, (random() * 30)::int)"},
    {"text", "(SELECT string_agg(chr(1 + (random() * 700)::int), '') FROM generate_series(1, (random() * "
             "40)::int + id * 0))"},
    {"bytea", "decode(md5(random()::text), 'hex')"},
    {"uuid", "gen_random_uuid()"},
    {"date", "'4000-01-01 BC'::date + (random() * 4000000)::int"},
    {"time", "('1 day'::interval * random())::time"},
    {"timetz", "('1 day'::interval * random())::time AT TIME ZONE '+05:45'"},
    {"timestamp", "'4000-01-01 BC'::timestamp + '10000 years'::interval * random()"},
    {"timestamptz", "'1700-01-01'::timestamptz + '500 years'::interval * random()"},
    {"interval", "'10 years'::interval * (random() - 0.5) + '1 year'::interval * (random() - 0.5)"},
    {"inet", "('10.0.0.0'::inet + (random() * 1000000)::int)"},
    {"money", "((random() - 0.5) * 1e12)::numeric::money"},
    {"jsonb", "jsonb_build_object(random()::text, random(), 'x', ARRAY[random()::text, NULL])"},
};

static const char *values_of(const char *type)
{
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        if (strcmp(edges[i].type, type) == 0)
            return edges[i].values;
    return NULL;
}

static bool takes_none(const char *type)
{
    for (size_t i = 0; i < sizeof without_values / sizeof *without_values; i++)
        if (strcmp(without_values[i], type) == 0)
            return true;
    return false;
}

static void must_exec(const char *sql)
{
    rh_err err;
    if (!rh_db_exec(db, sql, &err)) {
        rh_err_print(&err);
        print_error("%.400s\n", sql);
        fail();
    }
}

static int start(void **state)
{
    rh_err err;
    available = private_pg_available(&pg);
    if (!available)
        return 0;
    private_pg_create(&pg);
    db = rh_db_open(pg.conninfo, NULL, NULL, NULL, &err);
    return db ? 0 : -1;
}

static int stop(void **state)
{
    rh_db_close(db);
    if (available)
        private_pg_destroy(&pg);
    return 0;
}

/* One column of each type and one of its array: c_<type>, a_<type>; the names of the types in *types. */
static void make_table(rh_arena *a, const char **types, int *n)
{
    rh_err err;
    rh_str sql;
    PGresult *res = rh_db_query(
        db, a,
        "SELECT CASE WHEN n.nspname = 'pg_catalog' THEN t.typname ELSE 'public.' || t.typname END,"
        " format('%I.%I', n.nspname, t.typname), t.typname"
        " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = "
        "t.typrelid"
        " WHERE n.nspname IN ('pg_catalog', 'public') AND t.typtype IN ('b', 'c', 'd', 'e', 'm', 'r')"
        " AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c' AND t.typname NOT IN ('ghstore')"
        " OR t.oid IN ('int2vector'::regtype, 'oidvector'::regtype, to_regtype('public.texts')) ORDER BY "
        "t.oid",
        0, NULL, &err);
    assert_non_null(res);
    rh_str_init_in(&sql, a, 1 << 20);
    rh_str_add(&sql, "CREATE TABLE public.forms (company_id bigint NOT NULL, id integer NOT NULL");
    *n = 0;
    for (int i = 0; i < PQntuples(res); i++) {
        const char *type = PQgetvalue(res, i, 0);
        if (takes_none(type))
            continue;
        if (!values_of(type))
            fail_msg("type %s has no values in this test", type);
        types[(*n)++] = rh_arena_strdup(a, type);
        rh_str_addf(&sql, ", \"c_%s\" %s, \"a_%s\" %s[]", type, PQgetvalue(res, i, 1), type,
                    PQgetvalue(res, i, 1));
    }
    rh_str_add(&sql, ", PRIMARY KEY (company_id, id));");
    must_exec(rh_str_cstr(&sql));
}

/* The i-th value, going round; *count how many there are. */
static const char *value_at(rh_arena *a, const char *values, int i, int *count)
{
    int n = 1;
    for (const char *p = values; (p = strchr(p, *O)); p++)
        n++;
    *count = n;
    for (i %= n; i > 0; i--)
        values = strchr(values, *O) + 1;
    return rh_arena_strndup(a, values, strcspn(values, O));
}

static void add_array(rh_arena *a, rh_str *sql, const char *type, int i, rh_dice *dice)
{
    int n;
    rh_str_add(sql, ", ARRAY[");
    for (int k = rh_dice_int(dice, 4); k > 0; k--) {
        if (rh_dice_chance(dice, 20))
            rh_str_add(sql, "NULL");
        else
            rh_str_add_literal(sql, value_at(a, values_of(type), i + k, &n));
        rh_str_add(sql, k > 1 ? ", " : "");
    }
    rh_str_add(sql, "]");
}

static void add_edge_rows(rh_arena *a, const char *const *types, int n, rh_dice *dice)
{
    int rows = 1, count;
    for (int i = 0; i < rows; i++) {
        rh_str sql;
        rh_str_init_in(&sql, a, 1 << 20);
        rh_str_addf(&sql, "INSERT INTO public.forms VALUES (5, %d", i);
        for (int t = 0; t < n; t++) {
            rh_str_add(&sql, ", ");
            rh_str_add_literal(&sql, value_at(a, values_of(types[t]), i, &count));
            rows = count > rows ? count : rows;
            add_array(a, &sql, types[t], i, dice);
            rh_str_addf(&sql, "::%s%s%s[]", rh_starts_with(types[t], "public.") ? "" : "pg_catalog.\"",
                        types[t], rh_starts_with(types[t], "public.") ? "" : "\"");
        }
        rh_str_add(&sql, ")");
        must_exec(rh_str_cstr(&sql));
    }
}

static void add_rows_by_chance(rh_arena *a)
{
    rh_str sql;
    rh_str_init_in(&sql, a, 1 << 20);
    rh_str_addf(&sql,
                "SELECT setseed(0.5); INSERT INTO public.forms (company_id, id) SELECT 5, 1000 + g FROM "
                "generate_series(1, %d) g; UPDATE public.forms SET company_id = 5",
                BY_CHANCE);
    for (size_t i = 0; i < sizeof by_chance / sizeof *by_chance; i++) {
        const char *type = by_chance[i].type, *x = by_chance[i].sql;
        rh_str_addf(&sql, ", \"c_%s\" = %s, \"a_%s\" = ARRAY[[%s, NULL], [%s, %s]]::%s[]", type, x, type, x,
                    x, x, type);
    }
    rh_str_add(&sql,
               " WHERE id > 1000; UPDATE public.forms SET \"a_int4\" = '[-1:1]={1,2,3}' WHERE id = 1001;");
    must_exec(rh_str_cstr(&sql));
}

/* Rendered by us, and by PostgreSQL. */
static char *rendered(rh_arena *a, const rh_relation_cache *cache, const char *query)
{
    rh_err err;
    rh_rest_answer out;
    rh_rest_naming naming = {.schema = "public",
                             .reference_schema = "reference",
                             .keyed = true,
                             .tenant_id = "5",
                             .id_type = "bigint",
                             .max_response = MAX_ANSWER};
    rh_rest_request req = {.method = RH_GET, .path = "/forms", .query = query};
    rh_rest *r = rh_rest_plan(a, &req, cache, &naming, &err);
    if (!r)
        fail_msg("%s: %s", query, err.message);
    const rh_rest_statement *s = &rh_rest_info(r)->statements[0];
    PGresult *res = rh_db_query(db, a, s->text, s->n, s->values, &err);
    if (!res)
        fail_msg("%s: %s", query, err.message);
    assert_true(rh_rest_rows(r, 0, res, &err) && rh_rest_finish(r, "", &out, &err));
    char *text = rh_arena_strdup(a, out.body);
    free(out.body);
    return text;
}

static void compare(rh_arena *a, const rh_relation_cache *cache, const char *const *types, int n)
{
    rh_err err;
    for (int i = 0; i < 2 * n; i++) {
        const char *column = rh_arena_printf(a, "%c_%s", i % 2 ? 'a' : 'c', types[i / 2]);
        const char *got = rendered(a, cache, rh_arena_printf(a, "select=\"%s\"&order=id", column));
        const char *expected = rh_db_value(
            db, a,
            rh_arena_printf(a,
                            "SELECT '[' || string_agg(to_json(t)::text, ',' ORDER BY id) || ']' FROM "
                            "(SELECT \"%s\", id FROM public.forms) u, LATERAL (SELECT u.\"%s\") t",
                            column, column),
            0, NULL, &err);
        assert_non_null(expected);
        size_t at = 0;
        while (got[at] && got[at] == expected[at])
            at++;
        if (got[at] || expected[at])
            fail_msg("%s at byte %zu:\n  ours       %.120s\n  to_json()  %.120s", column, at,
                     got + (at > 40 ? at - 40 : 0), expected + (at > 40 ? at - 40 : 0));
    }
}

static void rows_are_what_to_json_makes_of_them(void **state)
{
    static const char *const settings[] = {
        "SET TimeZone = 'UTC'",
        "SET TimeZone = 'Asia/Kathmandu'; SET IntervalStyle = iso_8601; SET bytea_output = escape",
        "SET TimeZone = 'America/St_Johns'; SET IntervalStyle = sql_standard; SET extra_float_digits = 0",
        "SET TimeZone = 'Africa/Monrovia'; SET IntervalStyle = postgres_verbose; SET extra_float_digits = -3",
    };
    if (!available)
        skip();
    rh_err err;
    int n;
    const char *types[200], *values[] = {"public", "reference", "company_id", "companies", "postgres"};
    rh_dice dice = {5};
    rh_arena *a = rh_arena_new();
    must_exec(own_types);
    make_table(a, types, &n);
    assert_true(n > 80);
    add_edge_rows(a, types, n, &dice);
    add_rows_by_chance(a);
    const char *json = rh_db_value(db, a, rh_sql_rest_introspect, 5, values, &err);
    assert_non_null(json);
    rh_relation_cache *cache = rh_relation_cache_parse(json, strlen(json), &err);
    assert_non_null(cache);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        must_exec(settings[i]);
        compare(a, cache, types, n);
    }
    rh_relation_cache_free(cache);
    rh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_what_to_json_makes_of_them)};
    return cmocka_run_group_tests(tests, start, stop);
}
