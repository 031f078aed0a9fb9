/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "base/shell.h"
#include "base/str.h"

static char hook_order[3];
static size_t hooks_run;

static void note_hook(void *ptr)
{
    hook_order[hooks_run++] = *(char *)ptr;
}

static void arena_gives_aligned_memory_and_runs_hooks_newest_first(void **state)
{
    (void)state;
    static char first = '1', second = '2';
    rh_arena *a = rh_arena_new();
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        char *p = rh_arena_zalloc(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 'x', size);
    }
    rh_arena_on_free(a, note_hook, &first);
    rh_arena_on_free(a, note_hook, &second);
    rh_arena_clear(a);
    assert_memory_equal(hook_order, "21", 2);
    assert_string_equal(rh_arena_printf(a, "%d-%s", 7, "x"), "7-x");
    rh_arena_free(a);
}

static void str_stops_at_its_maximum(void **state)
{
    (void)state;
    rh_str s;
    rh_str_init(&s, 10);
    rh_str_add(&s, "12345");
    rh_str_addu(&s, 67890);
    assert_string_equal(rh_str_cstr(&s), "1234567890");
    assert_false(s.overflow);
    rh_str_addc(&s, 'x');
    assert_true(s.overflow);
    assert_string_equal(rh_str_cstr(&s), "1234567890");
    rh_str_release(&s);
}

static void identifiers_and_literals_are_quoted(void **state)
{
    (void)state;
    rh_str s;
    rh_str_init(&s, 100);
    rh_str_add_ident(&s, "a\"b;--");
    rh_str_add_literal(&s, "it's");
    rh_str_add_literal(&s, "\\'");
    assert_string_equal(rh_str_cstr(&s), "\"a\"\"b;--\"'it''s' E'\\\\'''");
    rh_str_release(&s);
}

static void shell_words_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    rh_arena *a = rh_arena_new();
    assert_string_equal(rh_shell_word(a, "./build/rowhouse"), "./build/rowhouse");
    assert_string_equal(rh_shell_word(a, "/srv/a path"), "'/srv/a path'");
    assert_string_equal(rh_shell_word(a, "it's $(x)"), "'it'\\''s $(x)'");
    assert_string_equal(rh_shell_word(a, "~"), "'~'");
    assert_string_equal(rh_shell_word(a, ""), "''");
    rh_arena_free(a);
}

static void numbers_are_parsed_whole_or_not_at_all(void **state)
{
    (void)state;
    int64_t i;
    uint64_t u;
    assert_true(rh_parse_int("-9223372036854775808", &i));
    assert_true(i == INT64_MIN);
    assert_false(rh_parse_int("9223372036854775808", &i));
    assert_false(rh_parse_int("1x", &i));
    assert_false(rh_parse_int(" 1", &i));
    assert_false(rh_parse_int("", &i));
    assert_true(rh_parse_uint("18446744073709551615", 20, &u));
    assert_false(rh_parse_uint("18446744073709551616", 20, &u));
}

static void utf8_is_checked(void **state)
{
    (void)state;
    assert_true(rh_is_utf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8f\xa0", 11));
    assert_false(rh_is_utf8("\xc0\x80", 2));
    assert_false(rh_is_utf8("\xed\xa0\x80", 3));
    assert_false(rh_is_utf8("a\0b", 3));
    assert_false(rh_is_utf8("\xf0\x9f\x8f", 3));
}

static void map_finds_what_was_put_and_not_what_was_deleted(void **state)
{
    (void)state;
    static char keys[1000][8];
    rh_map m;
    rh_map_init(&m);
    for (int i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        assert_null(rh_map_put(&m, keys[i], strlen(keys[i]), keys[i]));
    }
    for (int i = 0; i < 1000; i += 2)
        assert_ptr_equal(rh_map_del(&m, keys[i], strlen(keys[i])), keys[i]);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(rh_map_get(&m, keys[i], strlen(keys[i])), i % 2 ? keys[i] : NULL);
    assert_int_equal(m.len, 500);
    rh_map_release(&m);
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    rh_str s;
    rh_str_init(&s, 100);
    rh_json_add_string(&s, "a\"\\\n\x01z", 6);
    assert_string_equal(rh_str_cstr(&s), "\"a\\\"\\\\\\n\\u0001z\"");
    rh_str_release(&s);
}

/* They are looked for eight bytes at a time: wherever one stands, whatever stands around it. */
static void what_json_escapes_is_found_anywhere(void **state)
{
    static const char around[] = {' ', '!', '#', '[', ']', '\x7f', '\x80', '\xa2', '\xdc', '\xff'};
    for (int c = 1; c < 256; c++)
        for (size_t n = 1; n <= 19; n++)
            for (size_t at = 0; at < n; at++) {
                char text[20];
                rh_str s;
                memset(text, around[(size_t)c % sizeof around], n);
                text[at] = (char)c;
                rh_str_init(&s, 200);
                rh_json_add_string(&s, text, n);
                bool escaped = c < 0x20 || c == '"' || c == '\\';
                bool there = s.data[at + 1] == '\\';
                if (escaped != there || (!escaped && s.len != n + 2) ||
                    memcmp(s.data + s.len - (n - at), text + at + 1, n - at - 1) != 0)
                    fail_msg("byte %d at %zu of %zu", c, at, n);
                rh_str_release(&s);
            }
}

static void errors_map_to_http_by_sqlstate_before_class(void **state)
{
    (void)state;
    rh_err err;
    rh_err_set(&err, RH_E_DB, "duplicate key");
    memcpy(err.sqlstate, "23505", 6);
    assert_int_equal(rh_err_http(&err), 409);
    memcpy(err.sqlstate, "23514", 6);
    assert_int_equal(rh_err_http(&err), 400);
    memcpy(err.sqlstate, "RH001", 6);
    assert_int_equal(rh_err_http(&err), 500);
    rh_err_set(&err, RH_E_TENANT_MISMATCH, "m");
    assert_int_equal(rh_err_http(&err), 403);
    rh_err_context(&err, "outer %d", 1);
    assert_string_equal(err.message, "outer 1: m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_memory_and_runs_hooks_newest_first),
        cmocka_unit_test(str_stops_at_its_maximum),
        cmocka_unit_test(identifiers_and_literals_are_quoted),
        cmocka_unit_test(shell_words_are_quoted_where_they_must_be),
        cmocka_unit_test(numbers_are_parsed_whole_or_not_at_all),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(map_finds_what_was_put_and_not_what_was_deleted),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(what_json_escapes_is_found_anywhere),
        cmocka_unit_test(errors_map_to_http_by_sqlstate_before_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
