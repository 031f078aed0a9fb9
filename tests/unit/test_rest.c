/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialect engine without a database: statements of tests/cases/rest.txt, what may never stand in a
 * statement, answers from made-up rows, scrubbing of errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rest/prefer.h"
#include "rest/render.h"
#include "rest/scan.h"
#include "rest/url.h"
#include "rest_cases.h"

#define CASES "tests/cases/rest.txt"

static rh_relation_cache *cache;
static rh_arena *cache_arena;

static int start(void **state)
{
    cache_arena = rh_arena_new();
    cache = read_cache(cache_arena);
    return 0;
}

static int stop(void **state)
{
    rh_relation_cache_free(cache);
    rh_arena_free(cache_arena);
    return 0;
}

static int check_sql(rh_arena *a, const rest_case *c, const char *expected, const rh_rest_statement *s)
{
    size_t n = strlen(expected);
    const char *got = rh_arena_printf(a, "sql: %s", s->text);
    assert_int_equal(strlen(s->text), s->text_len);
    bool open = n > 4 && strcmp(expected + n - 4, " ...") == 0;
    bool same = open ? strncmp(got, expected, n - 3) == 0 : strcmp(got, expected) == 0;
    return same ? 0 : complain(CASES, c, expected, got);
}

static int check_params(rh_arena *a, const rest_case *c, const char *expected, const rh_rest_statement *s)
{
    rh_str got;
    rh_str_init_in(&got, a, 1 << 16);
    rh_str_add(&got, "par:");
    for (int i = 0; i < s->n; i++) {
        rh_str_add(&got, i ? " | " : " ");
        rh_str_add(&got, s->values[i] ? s->values[i] : "\\N");
    }
    return strcmp(expected, rh_str_cstr(&got)) == 0 ? 0 : complain(CASES, c, expected, rh_str_cstr(&got));
}

static int run_case(const rest_case *c)
{
    rh_err err = {0};
    int bad = 0, statement = -1;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = naming_of(c);
    rh_rest *r = rh_rest_plan(a, &c->req, cache, &naming, &err);
    const rh_rest_plan_info *info = r ? rh_rest_info(r) : NULL;
    for (size_t i = 0; i < c->expected.len; i++) {
        const char *expected = c->expected.items[i];
        if (!r)
            bad += check_error(a, CASES, c, expected, &err);
        else if (rh_starts_with(expected, "sql: ") && ++statement < info->n_statements)
            bad += check_sql(a, c, expected, &info->statements[statement]);
        else if (rh_starts_with(expected, "par:") && statement >= 0)
            bad += check_params(a, c, expected, &info->statements[statement]);
        else
            bad += complain(CASES, c, expected, rh_arena_printf(a, "sql: %s", info->statements[0].text));
    }
    if (r && statement >= 0 && statement + 1 != info->n_statements)
        bad += complain(CASES, c, "no further statement", info->statements[1].text);
    rh_arena_free(a);
    return bad;
}

static void cases_plan_as_written(void **state)
{
    int bad = 0;
    rh_arena *a = rh_arena_new();
    rest_cases cases = read_cases(a, CASES);
    assert_true(cases.len > 50);
    for (size_t i = 0; i < cases.len; i++)
        bad += run_case(&cases.items[i]);
    rh_arena_free(a);
    assert_int_equal(bad, 0);
}

/* ---- what may stand in a statement ---- */

#define HOSTILE "Zq'\"\\;--/*$1"

static rh_rest *plan(rh_arena *a, const char *method, const char *path, const char *query, const char *body)
{
    rh_err err;
    rh_rest_request req = {.method = method_named(method, strlen(method)),
                           .path = path,
                           .query = query,
                           .body = body,
                           .body_len = strlen(body),
                           .prefer = "return=representation"};
    rh_rest *r = rh_rest_plan(a, &req, cache, &shared_naming, &err);
    if (!r)
        rh_err_print(&err);
    return r;
}

/* Reads that may share a transaction: of one such table, by built-in means. */
static void a_plain_read_is_known(void **state)
{
    static const struct {
        const char *method, *path, *query, *prefer;
        bool plain;
    } requests[] = {
        {"GET", "/companies/5", "", NULL, true},
        {"HEAD", "/companies", "", "count=exact", true},
        {"GET", "/companies", "select=id,title:name&name=ilike.a*&order=name.desc&limit=3", "count=exact",
         true},
        {"GET", "/geo_ips", "country=eq.x", NULL, true},
        {"GET", "/companies", "", "timezone=UTC", false},
        {"GET", "/companies", "select=id::text", NULL, false},
        {"GET", "/companies", "select=count()", NULL, false},
        {"GET", "/companies", "select=id,campaigns(id)", NULL, false},
        {"GET", "/ads/5", "", NULL, false}, /* has a policy of the app */
        {"GET", "/running", "", NULL, false},
        {"GET", "/rpc/add_them", "a=1", NULL, false},
        {"PATCH", "/companies", "id=eq.5", NULL, false},
    };
    rh_err err;
    rh_rest_naming naming = shared_naming, distributed = shared_naming;
    naming.aggregates = distributed.distributed = true;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        rh_arena *a = rh_arena_new();
        rh_rest_request req = {.method = method_named(requests[i].method, strlen(requests[i].method)),
                               .path = requests[i].path,
                               .query = requests[i].query,
                               .prefer = requests[i].prefer,
                               .body = "{\"name\": \"x\"}",
                               .body_len = strlen("{\"name\": \"x\"}")};
        const rh_rest *r = rh_rest_plan(a, &req, cache, &naming, &err), *far;
        if (!r || (rh_rest_info(r)->plain != NULL) != requests[i].plain)
            fail_msg("%s?%s", requests[i].path, requests[i].query);
        far = rh_rest_plan(a, &req, cache, &distributed, &err);
        assert_true(!far || !rh_rest_info(far)->plain);
        rh_arena_free(a);
    }
}

/* A few megabytes may be a gigabyte of values; the same bytes in a text are one value. */
static void a_body_of_too_many_values_is_refused(void **state)
{
    enum { N = 1100000 };
    static const struct {
        const char *before, *each, *after;
        bool taken;
    } bodies[] = {{"[{}", ",{}", "]", false},
                  {"{\"name\": [1", ",[[]]", "]}", false},
                  {"{\"name\": \"\\\"", ",{}", "\"}", true},
                  {"{\"name\": [1", ",10", "]}", true}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        rh_err err;
        rh_str text;
        rh_arena *a = rh_arena_new();
        rh_str_init(&text, RH_STR_TEXT_MAX);
        rh_str_add(&text, bodies[i].before);
        for (int k = 0; k < N; k++)
            rh_str_add(&text, bodies[i].each);
        rh_str_add(&text, bodies[i].after);
        rh_rest_request req = {.method = RH_POST,
                               .path = "/campaigns",
                               .query = "columns=name",
                               .prefer = "return=representation",
                               .body = rh_str_cstr(&text),
                               .body_len = text.len};
        const rh_rest *r = rh_rest_plan(a, &req, cache, &shared_naming, &err);
        assert_int_equal(r != NULL, bodies[i].taken);
        if (!r)
            assert_int_equal(err.code, RH_E_TOO_LARGE);
        rh_str_release(&text);
        rh_arena_free(a);
    }
}

/* One row at most comes whole: no need for PostgreSQL's rows one by one. */
static void a_read_of_one_row_is_known(void **state)
{
    static const struct {
        const char *path, *query;
        bool one;
    } requests[] = {
        {"/ads", "id=eq.5", true},
        {"/ads", "name=eq.x&id=eq.5&select=name,campaigns!ads_campaign(name)", true},
        {"/ads/5", "", true},
        {"/ads", "", false},
        {"/ads", "id=gt.5", false},
        {"/ads", "id=not.eq.5", false},
        {"/ads", "id=eq(any).{5,6}", false},
        {"/ads", "or=(id.eq.5,id.eq.6)", false},
        {"/ads", "name=eq.x", false},
        {"/ads", "company_id=eq.5", false},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        rh_arena *a = rh_arena_new();
        rh_rest *r = plan(a, "GET", requests[i].path, requests[i].query, "");
        assert_non_null(r);
        if (rh_rest_info(r)->single_row != requests[i].one)
            fail_msg("%s?%s", requests[i].path, requests[i].query);
        rh_arena_free(a);
    }
}

/* Zq stands in no name of the cache: whatever a client wrote around it is a parameter. */
static void no_byte_of_a_client_stands_in_a_statement(void **state)
{
    static const struct {
        const char *method, *path, *query, *body;
    } requests[] = {
        {"GET", "/ads", "name=eq." HOSTILE "&id=in.(1,Zq%22,%22Zq%22)", ""},
        {"GET", "/ads", "or=(name.like.%22Zq'%22,name.fts(Zq).Zq')", ""},
        {"GET", "/ads", "select=%22Zq%5C%22%20AS%20x,%22:id,Zq:name", ""},
        {"GET", "/clicks", "select=user_data->Zq'->>%22Zq%5C%22%22&user_data->>Zq=eq.Zq&order=user_data->Zq",
         ""},
        {"GET", "/campaigns", "select=%22Zq'%22:ads!ads_campaign(%22Zq'%5C%22%22:id)&%22Zq'%22.name=eq.Zq",
         ""},
        {"GET", "/ads/Zq'%20OR%20true", "", ""},
        {"POST", "/ads", "select=Zq:id", "{\"name\":\"Zq'\"}"},
        {"PATCH", "/ads", "name=eq.Zq", "{\"name\":\"Zq'\"}"},
        {"GET", "/rpc/add_them", "a=Zq&b=Zq'", ""},
        {"POST", "/rpc/add_them", "", "{\"a\":\"Zq\"}"},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        rh_arena *a = rh_arena_new();
        rh_rest *r = plan(a, requests[i].method, requests[i].path, requests[i].query, requests[i].body);
        assert_non_null(r);
        assert_null(strstr(rh_rest_info(r)->statements[0].text, "Zq"));
        rh_arena_free(a);
    }
}

/* Occurrences of `needle` in `text`. */
static int count(const char *text, const char *needle)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, needle)); p += strlen(needle))
        n++;
    return n;
}

/* Names of the tenant schema that are no functions and no types; a set of the tenant's rows that a function
 * gives counts as one. */
static int references(const char *text)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, "\"public\".\""));) {
        const char *name = p + 10, *end = strchr(name, '"');
        bool cast = p > text + 2 && strncmp(p - 2, "::", 2) == 0;
        bool mood = strncmp(name, "mood", 4) == 0 && name[4] == '"';
        bool call = end[1] == '(';
        n += !cast && !mood &&
             (!call || strncmp(name, "top_ads", 7) == 0 || strncmp(name, "bump", 4) == 0 ||
              strncmp(name, "rows_", 5) == 0);
        p = end;
    }
    return n;
}

/* COPY takes no parameters: what the app is told of a request, its token too, would stand in the statement's
 * text. */
static void what_the_app_is_told_is_never_sent_as_copy(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_err err;
    const rh_rest_setting told = {"request.headers", "{\"authorization\":\"Bearer secret\"}"};
    rh_rest_request req = {.method = RH_GET, .path = "/ads", .query = "", .accept = "text/csv"};
    assert_true(rh_rest_info(rh_rest_plan(a, &req, cache, &shared_naming, &err))->copies);
    req.settings = &told;
    req.n_settings = 1;
    assert_false(rh_rest_info(rh_rest_plan(a, &req, cache, &shared_naming, &err))->copies);
    rh_arena_free(a);
}

static void every_reference_to_a_tenant_relation_has_the_key_beside_it(void **state)
{
    rh_arena *a = rh_arena_new();
    rest_cases cases = read_cases(a, CASES);
    for (size_t i = 0; i < cases.len; i++) {
        rh_err err;
        rh_rest_naming naming = naming_of(&cases.items[i]);
        rh_rest *r = rh_rest_plan(a, &cases.items[i].req, cache, &naming, &err);
        for (int s = 0; r && s < rh_rest_info(r)->n_statements; s++) {
            const char *text = rh_rest_info(r)->statements[s].text;
            int relations = references(text);
            int keys = count(text, "\"company_id\" = $1::bigint") + count(text, "\"id\" = $1::bigint") +
                       count(text, "INSERT INTO");
            if (relations != keys)
                fail_msg("line %d: %d references, %d keys: %s", cases.items[i].line, relations, keys, text);
        }
    }
    rh_arena_free(a);
}

static void homes_of_their_own_need_no_key(void **state)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = shared_naming;
    naming.schema = "h_12";
    naming.keyed = false;
    rh_rest_request req = {.method = RH_GET, .path = "/unkeyed", .query = "id=eq.1"};
    rh_rest *r = rh_rest_plan(a, &req, cache, &naming, &err);
    assert_non_null(r);
    assert_string_equal(
        rh_rest_info(r)->statements[0].text,
        "SELECT t0.\"id\", t0.\"secret\" FROM \"h_12\".\"unkeyed\" AS t0 WHERE t0.\"id\" = $1");
    rh_rest_request post = {
        .method = RH_POST, .path = "/forms", .query = "", .body = "{\"m\":\"sad\"}", .body_len = 11};
    r = rh_rest_plan(a, &post, cache, &naming, &err);
    assert_non_null(r);
    assert_string_equal(rh_rest_info(r)->statements[0].text,
                        "INSERT INTO \"h_12\".\"forms\" AS t0 (\"m\") SELECT x.\"m\" FROM "
                        "pg_catalog.json_to_recordset($1::json) AS x (\"m\" \"h_12\".mood)");
    rh_arena_free(a);
}

static void a_tenant_id_may_be_a_uuid(void **state)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = shared_naming;
    naming.id_type = "uuid";
    naming.tenant_id = "0b6d9a4e-0000-4000-8000-00000000000a";
    static const char own[] = "{\"name\":\"x\",\"company_id\":\"0B6D9A4E-0000-4000-8000-00000000000A\"}";
    static const char other[] = "{\"name\":\"x\",\"company_id\":\"0b6d9a4e-0000-4000-8000-00000000000b\"}";
    rh_rest_request req = {
        .method = RH_POST, .path = "/ads", .query = "", .body = own, .body_len = sizeof own - 1};
    rh_rest *r = rh_rest_plan(a, &req, cache, &naming, &err);
    assert_non_null(r);
    assert_non_null(strstr(rh_rest_info(r)->statements[0].text, "SELECT $1::uuid, x.\"name\""));
    req.body = other;
    assert_null(rh_rest_plan(a, &req, cache, &naming, &err));
    assert_int_equal(err.code, RH_E_FOREIGN_KEY_VALUE);
    rh_arena_free(a);
}

/* A number too large for 64 bits makes the reader give up exact integers: such a body may not pass as one's
 * own. */
static void a_tenant_key_is_compared_exactly(void **state)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = shared_naming;
    naming.tenant_id = "9007199254740993";
    static const char near[] = "[{\"id\":99999999999999999999,\"company_id\":9007199254740992}]";
    rh_rest_request req = {
        .method = RH_POST, .path = "/ads", .query = "", .body = near, .body_len = sizeof near - 1};
    assert_null(rh_rest_plan(a, &req, cache, &naming, &err));
    assert_int_equal(err.code, RH_E_FOREIGN_KEY_VALUE);
    rh_arena_free(a);
}

/* ---- answers ---- */

static PGresult *rows_of(int n, const char *const *names, int n_columns, const char *const *values)
{
    PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc attributes[8] = {{0}};
    for (int i = 0; i < n_columns; i++)
        attributes[i].name = (char *)(uintptr_t)names[i];
    assert_true(PQsetResultAttrs(res, n_columns, attributes));
    for (int i = 0; i < n * n_columns; i++) {
        char *value = (char *)(uintptr_t)values[i];
        assert_true(PQsetvalue(res, i / n_columns, i % n_columns, value, value ? (int)strlen(value) : -1));
    }
    return res;
}

static void rows_may_come_one_by_one(void **state)
{
    rh_err err;
    rh_rest_answer out;
    rh_arena *a = rh_arena_new();
    rh_rest *r = plan(a, "GET", "/ads", "select=id,name&limit=3", "");
    const char *names[] = {"id", "name"}, *values[] = {"1", "x\"\n", "2", NULL};
    assert_non_null(r);
    for (int i = 0; i < 2; i++) {
        PGresult *res = rows_of(1, names, 2, values + 2 * i);
        assert_true(rh_rest_rows(r, 0, res, &err));
        PQclear(res);
    }
    assert_true(rh_rest_finish(r, "SELECT 2", &out, &err));
    assert_string_equal(out.body, "[{\"id\":1,\"name\":\"x\\\"\\n\"},{\"id\":2,\"name\":null}]");
    assert_int_equal(out.body_len, strlen(out.body));
    assert_int_equal(out.status, 200);
    free(out.body);
    rh_rest_discard(r);
    rh_arena_free(a);
}

static void an_answer_has_a_bound(void **state)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = shared_naming;
    rh_rest_request req = {.method = RH_GET, .path = "/ads", .query = "select=name"};
    naming.max_response = 100;
    rh_rest *r = rh_rest_plan(a, &req, cache, &naming, &err);
    const char *names[] = {"name"}, *values[] = {"0123456789012345678901234567890123456789"};
    PGresult *res = rows_of(1, names, 1, values);
    assert_true(rh_rest_rows(r, 0, res, &err));
    assert_false(rh_rest_rows(r, 0, res, &err));
    assert_int_equal(err.code, RH_E_TOO_LARGE);
    PQclear(res);
    rh_arena_free(a); /* frees what was rendered: the leak sanitizer sees */
}

static void max_rows_caps_the_limit(void **state)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_naming naming = shared_naming;
    naming.max_rows = 10;
    static const struct {
        const char *query, *limit;
    } cases[] = {{"", "10"}, {"limit=3", "3"}, {"limit=11", "10"}};
    for (size_t i = 0; i < 3; i++) {
        rh_rest_request req = {.method = RH_GET, .path = "/ads", .query = cases[i].query};
        const rh_rest_plan_info *info = rh_rest_info(rh_rest_plan(a, &req, cache, &naming, &err));
        assert_string_equal(info->statements[0].values[info->statements[0].n - 1], cases[i].limit);
    }
    rh_arena_free(a);
}

static void values_render_as_to_json_does(void **state)
{
    static const struct {
        rh_json_form form;
        const char *text, *json;
    } cases[] = {
        {RH_JSON_NUMBER, "-1.50", "-1.50"},
        {RH_JSON_NUMBER, "1e+30", "1e+30"},
        {RH_JSON_NUMBER, "-Infinity", "\"-Infinity\""},
        {RH_JSON_NUMBER, "NaN", "\"NaN\""},
        {RH_JSON_NUMBER, "-", "\"-\""},
        {RH_JSON_NUMBER, "", "\"\""},
        {RH_JSON_BOOL, "t", "true"},
        {RH_JSON_BOOL, "f", "false"},
        {RH_JSON_RAW, "{\n}", "{\n}"},
        {RH_JSON_TIMESTAMP, "2020-01-02 03:04:05.123", "\"2020-01-02T03:04:05.123\""},
        {RH_JSON_TIMESTAMP, "0044-03-15 00:00:00 BC", "\"0044-03-15T00:00:00 BC\""},
        {RH_JSON_TIMESTAMP, "infinity", "\"infinity\""},
        {RH_JSON_TIMESTAMPTZ, "2020-01-02 03:04:05+00", "\"2020-01-02T03:04:05+00:00\""},
        {RH_JSON_TIMESTAMPTZ, "2020-01-02 03:04:05.5-07", "\"2020-01-02T03:04:05.5-07:00\""},
        {RH_JSON_TIMESTAMPTZ, "2020-01-02 03:04:05+05:30", "\"2020-01-02T03:04:05+05:30\""},
        {RH_JSON_TIMESTAMPTZ, "0044-03-15 00:00:00+00 BC", "\"0044-03-15T00:00:00+00:00 BC\""},
        {RH_JSON_TIMESTAMPTZ, "-infinity", "\"-infinity\""},
        {RH_JSON_STRING, "\x01\"", "\"\\u0001\\\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rh_str out;
        rh_str_init(&out, 1000);
        rh_render_value(&out, cases[i].text, strlen(cases[i].text), cases[i].form);
        assert_string_equal(rh_str_cstr(&out), cases[i].json);
        rh_str_release(&out);
    }
}

/* ---- errors ---- */

static void scrubbed(const char *state_code, const char *detail, const char *expected)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest *r = plan(a, "POST", "/ads", "", "{}");
    rh_err_set(&err, RH_E_DB, "message");
    memcpy(err.sqlstate, state_code, 6);
    rh_err_detail(&err, "%s", detail);
    rh_rest_scrub_error(r, &err);
    assert_string_equal(err.detail, expected);
    rh_arena_free(a);
}

static void errors_show_no_other_tenant(void **state)
{
    scrubbed("23505", "Key (company_id, id)=(5, 1) already exists.",
             "Key (company_id, id)=(5, 1) already exists.");
    scrubbed("23505", "Key (company_id, id)=(7, 1) already exists.", "");
    scrubbed("23505", "Key (company_id, id)=(55, 1) already exists.", "");
    scrubbed("23505", "Key (name)=(5, x) already exists.", "");
    scrubbed("23505", "Key (name, company_id)=(5, 7) already exists.", "");
    scrubbed("23505", "Key (company_identity)=(5) already exists.", "");
    scrubbed("23505", "Key (company_id", "");
    scrubbed("23505", "Key (company_id)=(5", "");
    scrubbed("23503", "Key (company_id, id)=(5, 1) is still referenced from table \"ads\".",
             "Key (company_id, id)=(5, 1) is still referenced from table \"ads\".");
    scrubbed("23P01", "Key (company_id)=(5) conflicts with existing key (company_id)=(5).", "");
    scrubbed("23502", "Failing row contains (1, null).", "Failing row contains (1, null).");
    scrubbed("22P02", "anything else", "anything else");
}

static void preferences_are_read(void **state)
{
    rh_err err;
    rh_prefer p;
    assert_true(rh_prefer_parse(NULL, &p, &err) && p.answer == RH_RETURN_DEFAULT);
    assert_true(
        rh_prefer_parse(" return=minimal ,, return=representation,count=exact, respond-async", &p, &err));
    assert_true(p.answer == RH_RETURN_MINIMAL && p.count == RH_COUNT_EXACT);
    assert_true(rh_prefer_parse("max-affected=10, handling=strict", &p, &err) && p.max_affected == 10);
    assert_true(rh_prefer_parse("max-affected=-10, max-affected=99999999999999999999", &p, &err) &&
                p.max_affected == -1);
    assert_false(rh_prefer_parse("foo=bar, handling=strict", &p, &err));
    assert_int_equal(err.code, RH_E_PREFER);
    assert_string_equal(err.detail, "Invalid preferences: foo=bar");
    assert_true(rh_prefer_parse("tx=rollback, timezone=Europe/Vienna, tx=commit", &p, &err));
    assert_true(p.tx == RH_TX_ROLLBACK && p.timezone_len == 13);
}

static void texts_are_clipped_between_characters(void **state)
{
    assert_int_equal(rh_clip("abc", 5), 3);
    assert_int_equal(rh_clip("abc", 2), 2);
    assert_int_equal(rh_clip("aёb", 2), 1);
    assert_int_equal(rh_clip("ё", 1), 0);
}

static void a_broken_cache_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "[]",
        "{}",
        "{\"relations\":[],\"foreign_keys\":[]}",
        "{\"relations\":[1],\"foreign_keys\":[],\"functions\":[]}",
        "{\"relations\":[],\"foreign_keys\":[{\"name\":\"x\",\"from\":\"a\",\"from_set\":\"tenant\"}],"
        "\"functions\":[]}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        rh_err err;
        assert_null(rh_relation_cache_parse(broken[i], strlen(broken[i]), &err));
        assert_int_equal(err.code, RH_E_INVALID);
    }
}

static void bounds_hold(void **state)
{
    static const struct {
        const char *query, *open, *close;
        int n;
        bool ok;
    } cases[] = {
        {"and=", "(and", ")", 16, false},
        {"and=", "(and", ")", 15, true},
        {"select=", "campaigns!ads_campaign(ads!ads_campaign(", "))", 4, true},
        {"select=", "campaigns!ads_campaign(ads!ads_campaign(", "))", 5, false},
        {"", "id=eq.1&", "", 256, true},
        {"", "id=eq.1&", "", 257, false},
        {"select=", "id,", "", 1000, false},
        {"select=", "id,", "", 999, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rh_err err;
        rh_str q;
        rh_arena *a = rh_arena_new();
        rh_str_init_in(&q, a, 1 << 20);
        rh_str_add(&q, cases[i].query);
        for (int k = 0; k < cases[i].n; k++)
            rh_str_add(&q, cases[i].open);
        if (cases[i].open[0] == '(')
            rh_str_add(&q, "(id.eq.1)");
        else if (*cases[i].query)
            rh_str_add(&q, "id");
        for (int k = 0; k < cases[i].n; k++)
            rh_str_add(&q, cases[i].close);
        rh_rest_request req = {.method = RH_GET, .path = "/ads", .query = rh_str_cstr(&q)};
        rh_rest *r = rh_rest_plan(a, &req, cache, &shared_naming, &err);
        if (!r != !cases[i].ok)
            fail_msg("bound %zu: %s; %s", i, err.message, err.detail);
        rh_arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_plan_as_written),
        cmocka_unit_test(a_plain_read_is_known),
        cmocka_unit_test(a_body_of_too_many_values_is_refused),
        cmocka_unit_test(a_read_of_one_row_is_known),
        cmocka_unit_test(no_byte_of_a_client_stands_in_a_statement),
        cmocka_unit_test(every_reference_to_a_tenant_relation_has_the_key_beside_it),
        cmocka_unit_test(homes_of_their_own_need_no_key),
        cmocka_unit_test(a_tenant_id_may_be_a_uuid),
        cmocka_unit_test(a_tenant_key_is_compared_exactly),
        cmocka_unit_test(rows_may_come_one_by_one),
        cmocka_unit_test(an_answer_has_a_bound),
        cmocka_unit_test(max_rows_caps_the_limit),
        cmocka_unit_test(values_render_as_to_json_does),
        cmocka_unit_test(errors_show_no_other_tenant),
        cmocka_unit_test(preferences_are_read),
        cmocka_unit_test(what_the_app_is_told_is_never_sent_as_copy),
        cmocka_unit_test(texts_are_clipped_between_characters),
        cmocka_unit_test(a_broken_cache_is_refused),
        cmocka_unit_test(bounds_hold),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
