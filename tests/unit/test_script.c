/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "migrate/script.h"

/* Pieces as "line:column:text|..." */
static const char *pieces_of(rh_arena *a, const char *text, bool roughly, bool *understood)
{
    rh_script_pieces p;
    rh_err err;
    rh_str s;
    rh_str_init_in(&s, a, 1 << 20);
    bool ok = roughly ? rh_script_split_roughly(a, text, strlen(text), &p, &err)
                      : rh_script_split(a, text, strlen(text), &p, &err);
    if (!ok)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < p.len; i++) {
        const rh_script_piece *piece = &p.items[i];
        assert_true(piece->text >= text && piece->text + piece->len <= text + strlen(text));
        assert_int_equal(piece->line, rh_script_line_of(text, (size_t)(piece->text - text)));
        assert_int_equal(piece->column, rh_script_column_of(text, (size_t)(piece->text - text)));
        rh_str_addf(&s, "%s%d:%d:%.*s", i ? "|" : "", piece->line, piece->column, (int)piece->len,
                    piece->text);
    }
    if (understood)
        *understood = p.understood;
    return rh_str_cstr(&s);
}

static const struct {
    const char *text, *pieces;
    bool understood;
} splits[] = {
    {"", "", true},
    {"-- nothing\n/* at all */ ;;", "", true},
    {"SELECT 1", "1:1:SELECT 1", true},
    {"SELECT 1;\n\n  SELECT 2 ;", "1:1:SELECT 1|3:3:SELECT 2", true},
    {"-- head\n/* a\n*/ SELECT 1; -- tail\nSELECT 2 -- end\n", "3:4:SELECT 1|4:1:SELECT 2 -- end", true},
    {"/* \xc3\xa9 */ SELECT '\xc3\xa9;';SELECT 2;", "1:9:SELECT '\xc3\xa9;'|1:21:SELECT 2", true},
    {"DO $a$ ; $b$ ; $a$; SELECT \";\"", "1:1:DO $a$ ; $b$ ; $a$|1:21:SELECT \";\"", true},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
     "1:1:CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END|1:84:SELECT 3",
     true},
    {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3",
     "1:1:CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)|1:58:SELECT 3", true},
    {"\n SELECT 1;\nSELECT NEWER THAN 15;\n", "2:2:SELECT 1;\nSELECT NEWER THAN 15;", false},
    {"SELECT 'oops", "1:1:SELECT 'oops", false},
};

static void scripts_are_split_by_the_grammar(void **state)
{
    rh_arena *a = rh_arena_new();
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        bool understood;
        assert_string_equal(pieces_of(a, splits[i].text, false, &understood), splits[i].pieces);
        assert_int_equal(understood, splits[i].understood);
    }
    rh_arena_free(a);
}

static void a_complaint_says_where(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_script_pieces p;
    rh_err err;
    const char *text = "SELECT '\xc3\xa9\xc3\xa9';\nSELECT 1 1;";
    assert_true(rh_script_split(a, text, strlen(text), &p, &err));
    assert_false(p.understood);
    assert_non_null(strstr(p.complaint, "syntax error"));
    assert_int_equal(p.complaint_at, strstr(text, "1 1") + 2 - text);
    rh_arena_free(a);
}

static void a_rough_split_needs_no_grammar(void **state)
{
    rh_arena *a = rh_arena_new();
    assert_string_equal(
        pieces_of(a, "NEW 'a;b' (c;d); $x$ ; $x$ ; /* ; */ \"e;\" -- ;\n; ;E'\\';'", true, NULL),
        "1:1:NEW 'a;b' (c;d)|1:18:$x$ ; $x$|1:38:\"e;\" -- ;|2:4:E'\\';'");
    rh_arena_free(a);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_script_pieces p;
    rh_err err;
    assert_false(rh_script_split(a, "SELECT \xff", 8, &p, &err));
    assert_int_equal(err.code, RH_E_INVALID);
    assert_false(rh_script_split(a, "SELECT 1;\0SELECT 2", 18, &p, &err));
    assert_int_equal(err.code, RH_E_INVALID);
    assert_true(rh_script_split(a, "SELECT 1XXX", 8, &p, &err)); /* only len bytes are looked at */
    assert_int_equal(p.items[0].len, 8);
    rh_arena_free(a);
}

static void places_are_lines_columns_and_characters(void **state)
{
    const char *text = "a\n\xc3\xa9x\ny";
    assert_int_equal(rh_script_line_of(text, 0), 1);
    assert_int_equal(rh_script_line_of(text, 2), 2);
    assert_int_equal(rh_script_line_of(text, 1000), 3);
    assert_int_equal(rh_script_column_of(text, 4), 2);
    assert_int_equal(rh_script_offset_of(text, strlen(text), 1), 0);
    assert_int_equal(rh_script_offset_of(text, strlen(text), 4), 4);
    assert_int_equal(rh_script_offset_of(text, strlen(text), 99), strlen(text));
}

/* ---- parameters by name ---- */

static const char *const names[] = {"id", "slug", "name"};

static const struct {
    const char *text, *bound, *used; /* used: indexes in names */
} bindings[] = {
    {"SELECT 1", "SELECT 1", ""},
    {"VALUES (:id, :name)", "VALUES ($1, $2)", "02"},
    {"VALUES (:name,:id,:name)", "VALUES ($1,$2,$1)", "20"},
    {"SELECT :id::bigint, a::id, b[1:2]", "SELECT $1::bigint, a::id, b[1:2]", "0"},
    {"SELECT ':id', \":id\", E'\\':id', $$:id$$, $x$ :id $x$ -- :id\n/* :id /* :id */ :id */, :slug",
     "SELECT ':id', \":id\", E'\\':id', $$:id$$, $x$ :id $x$ -- :id\n/* :id /* :id */ :id */, $1", "1"},
    {"SELECT 'it''s :id', :id", "SELECT 'it''s :id', $1", "0"},
    {"SELECT f(a := :id, b => :slug), x:=:name", "SELECT f(a := $1, b => $2), x:=$3", "012"},
    {"SELECT : id, :'id', :\"id\"", "SELECT : id, :'id', :\"id\"", ""},
    {"SELECT 1:", "SELECT 1:", ""},
};

static void names_become_numbered_parameters(void **state)
{
    rh_arena *a = rh_arena_new();
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
        const char *bound;
        int *used, n;
        rh_err err;
        if (!rh_script_bind(a, bindings[i].text, names, 3, &bound, &used, &n, &err))
            fail_msg("%s: %s", bindings[i].text, err.message);
        assert_string_equal(bound, bindings[i].bound);
        assert_int_equal(n, strlen(bindings[i].used));
        for (int k = 0; k < n; k++)
            assert_int_equal(used[k], bindings[i].used[k] - '0');
    }
    rh_arena_free(a);
}

static void unknown_names_are_errors_with_a_line(void **state)
{
    rh_arena *a = rh_arena_new();
    const char *bound;
    int *used, n;
    rh_err err;
    assert_false(rh_script_bind(a, "SELECT :id,\n :budget", names, 3, &bound, &used, &n, &err));
    assert_string_equal(err.message, "line 2: there is no value named :budget");
    assert_string_equal(err.hint, "Known are :id, :slug, :name.");
    assert_false(rh_script_bind(a, "SELECT :idx", names, 3, &bound, &used, &n, &err));
    assert_false(rh_script_bind(a, "SELECT :i", NULL, 0, &bound, &used, &n, &err));
    assert_false(rh_script_bind(a, "SELECT $1", names, 3, &bound, &used, &n, &err));
    assert_string_equal(err.message, "line 1: numbered parameters cannot be used here");
    rh_arena_free(a);
}

/* ---- our own texts ---- */

static const rh_script_var vars[] = {
    {"owner", "app\"owner"}, {"type", "bigint"}, {"text", "it's"}, {NULL, NULL}};

static void variables_are_quoted_as_asked(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_str s;
    rh_err err;
    rh_str_init_in(&s, a, 1000);
    assert_true(rh_script_expand(
        &s, "ALTER x OWNER TO :\"owner\"; SELECT :'text'::text, NULL:::type, ':type' -- :type\n, $$:type$$",
        vars, &err));
    assert_string_equal(rh_str_cstr(&s), "ALTER x OWNER TO \"app\"\"owner\"; SELECT 'it''s'::text, "
                                         "NULL::bigint, ':type' -- :type\n, $$:type$$");
    rh_arena_free(a);
}

static void only_plain_words_stand_unquoted(void **state)
{
    rh_str s;
    rh_err err;
    rh_str_init(&s, 1000);
    assert_false(rh_script_expand(&s, "SELECT :text", vars, &err));
    assert_int_equal(err.code, RH_E_INTERNAL);
    assert_false(rh_script_expand(&s, "SELECT :nothing", vars, &err));
    assert_string_equal(err.message, "line 1: no value for variable nothing");
    rh_str_release(&s);
    rh_str_init(&s, 5);
    assert_false(rh_script_expand(&s, "SELECT :type", vars, &err));
    assert_int_equal(err.code, RH_E_TOO_LARGE);
    rh_str_release(&s);
}

/* ---- hostile texts, several threads ---- */

static void tokens_stay_inside_any_text(void **state)
{
    static const char alphabet[] = "aE'\"$:/*-;(=>1\\ \n";
    unsigned seed = 7;
    for (int round = 0; round < 50000; round++) {
        char *text = rh_xmalloc(12); /* without a NUL: a sanitizer sees a read too far */
        size_t offset = 0, before = 0;
        for (int i = 0; i < 12; i++)
            text[i] = alphabet[(seed = seed * 1103515245 + 12345) / 65536 % (sizeof alphabet - 1)];
        for (rh_token t; (t = rh_script_next(text, 12, &offset)).kind != RH_TOKEN_END; before = offset)
            assert_true(t.at >= before && t.len > 0 && t.at + t.len == offset && offset <= 12);
        free(text);
    }
}

static void *split_often(void *arg)
{
    for (int i = 0; i < 200; i++) {
        rh_arena *a = rh_arena_new();
        bool understood;
        pieces_of(a, "SELECT 1; SELECT 2", false, &understood);
        *(bool *)arg = *(bool *)arg && understood;
        rh_arena_free(a);
    }
    return NULL;
}

static void threads_may_split_at_once(void **state)
{
    pthread_t threads[4];
    bool ok[4] = {true, true, true, true};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, split_often, &ok[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(ok[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_split_by_the_grammar),
        cmocka_unit_test(a_complaint_says_where),
        cmocka_unit_test(a_rough_split_needs_no_grammar),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(places_are_lines_columns_and_characters),
        cmocka_unit_test(names_become_numbered_parameters),
        cmocka_unit_test(unknown_names_are_errors_with_a_line),
        cmocka_unit_test(variables_are_quoted_as_asked),
        cmocka_unit_test(only_plain_words_stand_unquoted),
        cmocka_unit_test(tokens_stay_inside_any_text),
        cmocka_unit_test(threads_may_split_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
