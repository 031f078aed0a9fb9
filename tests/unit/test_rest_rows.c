/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialect engine on a real PostgreSQL: tests/cases/rest_rows.txt and rest_words.txt, as tenant 5 of a
 * shared home. Every case runs in a transaction that is rolled back. In no byte of any answer may stand what
 * belongs to tenant 7.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "pg/db.h"
#include "private_pg.h"
#include "rest_cases.h"
#include "sql.h"

#define WORLD "tests/cases/rest.sql"

static private_pg pg;
static bool available;
static rh_db *owner, *server;

static rh_db *open_as(const char *user)
{
    rh_err err;
    rh_db *db = rh_db_open(pg.conninfo, NULL, user, NULL, &err);
    if (!db)
        rh_err_print(&err);
    assert_non_null(db);
    return db;
}

static void must_exec(rh_db *db, const char *sql)
{
    rh_err err;
    if (!rh_db_exec(db, sql, &err)) {
        rh_err_print(&err);
        fail();
    }
}

static int start(void **state)
{
    rh_arena *a = rh_arena_new();
    const char *given =
        getenv("REST_TEST_SERVER"); /* conninfo of an empty database, to test without initdb */
    available = given || private_pg_available(&pg);
    if (given)
        snprintf(pg.conninfo, sizeof pg.conninfo, "%s", given);
    else if (available)
        private_pg_create(&pg);
    if (available) {
        owner = open_as(NULL);
        must_exec(owner, read_case_file(a, WORLD, NULL));
        must_exec(owner, "SET jit = off"); /* compiling the introspection takes seconds */
        server = open_as("rest_server");
    }
    rh_arena_free(a);
    return 0;
}

static int stop(void **state)
{
    rh_db_close(server);
    rh_db_close(owner);
    if (available && pg.postmaster)
        private_pg_destroy(&pg);
    return 0;
}

static char *introspect(rh_arena *a)
{
    rh_err err;
    const char *values[] = {"public", "reference", "company_id", "companies", "rest_server"};
    const char *json = rh_db_value(owner, a, rh_sql_rest_introspect, 5, values, &err);
    if (!json)
        rh_err_print(&err);
    assert_non_null(json);
    return rh_arena_strdup(a, json);
}

static void write_list(FILE *f, const json_t *root, const char *name, const char *end)
{
    size_t i;
    json_t *item;
    fprintf(f, "\"%s\": [\n", name);
    json_array_foreach(json_object_get(root, name), i, item)
    {
        char *text = json_dumps(item, JSON_SORT_KEYS | JSON_ENCODE_ANY);
        fprintf(f, "  %s%s\n", text, i + 1 < json_array_size(json_object_get(root, name)) ? "," : "");
        free(text);
    }
    fprintf(f, "]%s", end);
}

/* With RH_WRITE_CASES set the file is made anew: after a change of rest.sql or of the introspection. */
static void write_cache(rh_arena *a, const json_t *root)
{
    FILE *f = getenv("RH_WRITE_CASES") ? fopen(source_file(a, "tests/cases/rest_cache.json"), "we") : NULL;
    if (!f)
        return;
    fputs("{\n", f);
    write_list(f, root, "relations", ",\n");
    write_list(f, root, "foreign_keys", ",\n");
    write_list(f, root, "functions", ",\n");
    write_list(f, root, "types", ",\n");
    write_list(f, root, "handlers", ",\n");
    write_list(f, root, "reads", ",\n");
    fprintf(f, "\"geojson\": \"%s\",\n", json_string_value(json_object_get(root, "geojson")));
    char *comment = json_dumps(json_object_get(root, "comment"), JSON_ENCODE_ANY);
    fprintf(f, "\"comment\": %s\n}\n", comment);
    free(comment);
    fclose(f);
}

/* What the planning tests use is what introspection gives. */
static void introspection_gives_the_kept_cache(void **state)
{
    if (!available)
        skip();
    rh_arena *a = rh_arena_new();
    json_t *fresh = json_loads(introspect(a), 0, NULL);
    write_cache(a, fresh);
    json_t *kept = json_loads(read_case_file(a, "tests/cases/rest_cache.json", NULL), 0, NULL);
    assert_true(fresh && kept);
    assert_true(json_equal(fresh, kept));
    json_decref(fresh);
    json_decref(kept);
    rh_arena_free(a);
}

/* Its name is left out of defaults by a pattern. */
static void introspection_takes_any_name_of_a_schema(void **state)
{
    if (!available)
        skip();
    rh_err err;
    rh_arena *a = rh_arena_new();
    assert_true(rh_db_exec(
        owner,
        "CREATE SCHEMA \"odd(h[.*\\\" CREATE TABLE t (id serial, \"x.y\" text DEFAULT 'odd(h[.*\\.');"
        "CREATE SCHEMA h_12 CREATE TABLE t (id serial, at text DEFAULT 'h_12 it is')",
        &err));
    const char *schemas[] = {"odd(h[.*\\", "h_12"},
               *defaults[] = {"odd(", "\"nextval('t_id_seq'::regclass)\""};
    for (size_t i = 0; i < 2; i++) {
        const char *values[] = {schemas[i], "reference", "company_id", "companies", ""};
        const char *json = rh_db_value(owner, a, rh_sql_rest_introspect, 5, values, &err);
        assert_non_null(json);
        assert_non_null(strstr(json, defaults[i]));
    }
    assert_true(rh_db_exec(owner, "DROP SCHEMA \"odd(h[.*\\\", h_12 CASCADE", &err));
    rh_arena_free(a);
}

/* Only of such tables reads of several tenants may share a transaction. */
static void tables_read_without_the_apps_code_are_known(void **state)
{
    if (!available)
        skip();
    rh_err err;
    rh_arena *a = rh_arena_new();
    assert_true(rh_db_exec(
        owner,
        "CREATE SCHEMA plain; SET search_path = plain, pg_catalog;"
        "CREATE FUNCTION even(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';"
        "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN short AS text;"
        "CREATE TABLE yes (id int PRIMARY KEY, m mood, t text[]); CREATE INDEX ON yes (lower(t[1])) WHERE id "
        "> 5;"
        "CREATE POLICY rowhouse_tenant ON yes AS RESTRICTIVE USING (true);"
        "CREATE TABLE its_policy (id int); CREATE POLICY mine ON its_policy USING (even(id));"
        "CREATE TABLE its_type (d short); CREATE TABLE its_types (d short[]);"
        "CREATE TABLE its_index (id int); CREATE INDEX ON its_index ((even(id)));"
        "CREATE TABLE its_predicate (id int); CREATE INDEX ON its_predicate (id) WHERE even(id);"
        "CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);"
        "CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE VIEW yes_seen AS SELECT id, lower(t[1]) "
        "AS t, count(*) OVER () FROM yes WHERE id > 5;"
        "CREATE VIEW its_function AS SELECT even(id) FROM yes;"
        "CREATE VIEW its_setting AS SELECT id, set_config('a.b', 'c', true) FROM yes;"
        "CREATE VIEW its_lookup AS SELECT table_to_xml(('its_' || id)::regclass, true, true, '') FROM yes;"
        "CREATE VIEW its_sort AS SELECT id FROM yes ORDER BY even(id);"
        "CREATE VIEW its_tables_policy AS SELECT * FROM its_policy; CREATE VIEW its_view AS SELECT * FROM "
        "its_setting;"
        "RESET search_path",
        &err));
    const char *values[] = {"plain", "reference", "company_id", "companies", ""};
    const char *json = rh_db_value(owner, a, rh_sql_rest_introspect, 5, values, &err);
    assert_non_null(json);
    rh_relation_cache *c = rh_relation_cache_parse(json, strlen(json), &err);
    assert_non_null(c);
    int n;
    const rh_relation *all = rh_relation_all(c, &n);
    for (int i = 0; i < n; i++)
        if (all[i].set == RH_SET_TENANT)
            assert_int_equal(all[i].plain,
                             rh_starts_with(all[i].name, "yes") || strcmp(all[i].name, "child") == 0);
    rh_relation_cache_free(c);
    assert_true(rh_db_exec(owner, "DROP SCHEMA plain CASCADE", &err));
    rh_arena_free(a);
}

static void introspection_takes_an_empty_schema(void **state)
{
    if (!available)
        skip();
    rh_err err;
    rh_arena *a = rh_arena_new();
    const char *values[] = {"nowhere", "no where\"'", "company_id", "companies", "rest_server"};
    const char *json = rh_db_value(owner, a, rh_sql_rest_introspect, 5, values, &err);
    assert_non_null(json);
    rh_relation_cache *c = rh_relation_cache_parse(json, strlen(json), &err);
    assert_non_null(c);
    rh_relation_cache_free(c);
    rh_arena_free(a);
}

/* in_parts: what may be sent before the end is known is taken in two parts. */
static bool run_statements(rh_arena *a, rh_rest *r, bool in_parts, rh_rest_answer *out, rh_err *err)
{
    const rh_rest_plan_info *info = rh_rest_info(r);
    const char *affected = "", *first = NULL;
    rh_rest_answer begun = {0};
    size_t n;
    for (int i = 0; i < info->n_statements; i++) {
        const rh_rest_statement *s = &info->statements[i];
        PGresult *res = rh_db_query(server, a, s->text, s->n, s->values, err);
        if (!res) {
            rh_rest_scrub_error(r, err);
            return false;
        }
        if (!rh_rest_rows(r, i, res, err))
            return false;
        if (i == info->main)
            affected = PQcmdTuples(res);
        if (i == info->main && in_parts && info->streams && PQntuples(res) > 0) {
            rh_rest_begin(r, &begun);
            char *part = rh_rest_take(r, &n);
            first = rh_arena_strndup(a, part, n);
            free(part);
        }
    }
    if (!rh_rest_finish(r, affected, out, err))
        return false;
    if (!first)
        return true;
    begun.body =
        rh_xstrdup(rh_arena_printf(a, "%s%.*s", first, (int)out->body_len, out->body ? out->body : ""));
    free(out->body);
    *out = begun;
    return true;
}

/* json_agg() puts a new line between rows. */
static const char *one_line(rh_arena *a, const char *text)
{
    rh_str s;
    rh_str_init_in(&s, a, 1 << 20);
    for (const char *p = text; *p; p++)
        if (!rh_starts_with(p, "\n "))
            rh_str_addc(&s, *p);
        else
            p++;
    return rh_str_cstr(&s);
}

static int check_answer(rh_arena *a, const rest_case *c, bool in_parts, const char *expected,
                        const rh_rest_answer *out)
{
    const char *text = after(expected, "head: ");
    const char *kind = rh_starts_with(expected, "csv: ") ? "csv" : "ans";
    expected = *kind == 'c' ? lines_of(a, expected) : expected;
    const char *got = rh_arena_printf(a, "%s: %d%s%s", kind, out->status, out->body ? " " : "",
                                      out->body ? (*kind == 'c' ? out->body : one_line(a, out->body)) : "");
    if (!text)
        return strcmp(expected, got) == 0 ? 0 : complain(c->file, c, expected, got);
    rh_str all;
    rh_str_init_in(&all, a, 4096);
    if (in_parts && strstr(text, "Content-Range") && strchr(text, '*'))
        return 0; /* what is not counted is not known then */
    for (int i = 0; i < out->n_headers; i++) {
        const char *header = rh_arena_printf(a, "%s %s", out->headers[i].name, out->headers[i].value);
        if (strcmp(header, text) == 0)
            return 0;
        rh_str_addf(&all, "%s; ", header);
    }
    return complain(c->file, c, expected, rh_str_cstr(&all));
}

static bool is_no_json(const rh_rest_answer *out)
{
    for (int i = 0; i < out->n_headers; i++)
        if (strcmp(out->headers[i].name, "Content-Type") == 0)
            return !strstr(out->headers[i].value, "json; charset") ||
                   strstr(out->headers[i].value, "vnd.pgrst.plan+text");
    return false;
}

static rest_cases read_both(rh_arena *a)
{
    rest_cases all = read_cases(a, "tests/cases/rest_rows.txt");
    rest_cases words = read_cases(a, "tests/cases/rest_words.txt");
    for (size_t i = 0; i < words.len; i++)
        RH_VEC_PUSH(a, &all, words.items[i]);
    return all;
}

static int run_case(const rest_case *c, const rh_relation_cache *cache, bool in_parts)
{
    rh_err err = {0};
    rh_rest_answer out = {0};
    int bad = 0;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = naming_of(c);
    rh_rest *r = rh_rest_plan(a, &c->req, cache, &naming, &err);
    must_exec(server, "BEGIN");
    if (r && rh_rest_info(r)->read_only)
        must_exec(server, "SET LOCAL transaction_read_only = on");
    must_exec(server, "SET LOCAL rowhouse.tenant = '5'");
    bool ok = r && run_statements(a, r, in_parts, &out, &err);
    must_exec(server, "ROLLBACK");
    for (size_t i = 0; i < c->expected.len; i++)
        bad += ok ? check_answer(a, c, in_parts, c->expected.items[i], &out)
                  : check_error(a, c->file, c, c->expected.items[i], &err);
    const char *all =
        rh_arena_printf(a, "%s%s%s%s", out.body ? out.body : "", err.message, err.detail, err.hint);
    if (strstr(all, "canary"))
        bad += complain(c->file, c, "nothing of tenant 7", all);
    json_t *json = out.body ? json_loads(out.body, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL) : NULL;
    if (out.body && !json && !is_no_json(&out))
        bad += complain(c->file, c, "JSON", out.body);
    json_decref(json);
    free(out.body);
    rh_arena_free(a);
    return bad;
}

static void cases_answer_as_written(void **state)
{
    if (!available)
        skip();
    rh_err err;
    int bad = 0;
    rh_arena *a = rh_arena_new();
    char *json = introspect(a);
    rh_relation_cache *cache = rh_relation_cache_parse(json, strlen(json), &err);
    rest_cases cases = read_both(a);
    assert_true(cases.len > 50);
    for (size_t i = 0; i < cases.len; i++)
        bad += run_case(&cases.items[i], cache, false) + run_case(&cases.items[i], cache, true);
    rh_relation_cache_free(cache);
    rh_arena_free(a);
    assert_int_equal(bad, 0);
}

/* The same requests without RLS and policies: the statement alone keeps tenants apart. */
static void statements_keep_tenants_apart_without_row_level_security(void **state)
{
    if (!available)
        skip();
    must_exec(owner,
              "ALTER TABLE campaigns DISABLE ROW LEVEL SECURITY; ALTER TABLE ads DISABLE ROW LEVEL SECURITY;"
              "ALTER TABLE clicks DISABLE ROW LEVEL SECURITY; ALTER TABLE details DISABLE ROW LEVEL SECURITY;"
              "ALTER TABLE forms DISABLE ROW LEVEL SECURITY; ALTER TABLE tags DISABLE ROW LEVEL SECURITY;"
              "ALTER TABLE ads_tags DISABLE ROW LEVEL SECURITY");
    rh_err err;
    rh_arena *a = rh_arena_new();
    char *json = introspect(a);
    rh_relation_cache *cache = rh_relation_cache_parse(json, strlen(json), &err);
    rest_cases cases = read_both(a);
    int bad = 0;
    for (size_t i = 0; i < cases.len; i++)
        if (!rh_starts_with(cases.items[i].req.path, "/rpc/")) /* functions are kept apart by RLS alone */
            bad += run_case(&cases.items[i], cache, false);
    rh_relation_cache_free(cache);
    rh_arena_free(a);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(introspection_gives_the_kept_cache),
        cmocka_unit_test(introspection_takes_an_empty_schema),
        cmocka_unit_test(tables_read_without_the_apps_code_are_known),
        cmocka_unit_test(introspection_takes_any_name_of_a_schema),
        cmocka_unit_test(cases_answer_as_written),
        cmocka_unit_test(statements_keep_tenants_apart_without_row_level_security),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
