/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "verify/judge.h"
#include "verify/make_value.h"

static rh_arena *a;
static rh_canary two[2];

static int set_up(void **state)
{
    rh_dice dice = {42};
    (void)state;
    a = rh_arena_new();
    rh_canary_draw(&two[0], &dice, NULL, 0);
    rh_canary_draw(&two[1], &dice, two, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rh_arena_free(a);
    return 0;
}

static size_t hits(int own, const char *text)
{
    size_t n;
    rh_canary_search(a, two, 2, own, text, strlen(text), &n);
    return n;
}

static void test_every_form_is_found_in_the_spelling_of_answers(void **state)
{
    (void)state;
    for (int form = 0; form < RH_CANARY_FORMS; form++) {
        const char *value = rh_canary_value(&two[1], a, (rh_canary_form)form, 17);
        const char *spellings[] = {"{\"x\":\"%s\"}", "{\"x\":%s}", "%s", "%s/128",
                                   "Location: /t?id=eq.%s\r\n"};
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
            rh_str text;
            rh_str_init_in(&text, a, 4096);
            const char *at = strstr(spellings[i], "%s");
            rh_str_addn(&text, spellings[i], (size_t)(at - spellings[i]));
            rh_str_add(&text, value);
            rh_str_add(&text, at + 2);
            assert_int_equal(hits(0, rh_str_cstr(&text)), 1);
            assert_int_equal(hits(1, rh_str_cstr(&text)), 0);
            assert_int_equal(hits(RH_NOBODY, rh_str_cstr(&text)), 1);
        }
    }
}

static void test_case_does_not_hide_it(void **state)
{
    char *text = rh_arena_strdup(a, rh_canary_value(&two[1], a, RH_CANARY_TEXT, 3));
    (void)state;
    for (char *p = text; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    assert_int_equal(hits(0, text), 1);
}

static void test_numbers_count_as_whole_numbers_only(void **state)
{
    const char *big = rh_canary_value(&two[1], a, RH_CANARY_BIG, 1),
               *small = rh_canary_value(&two[1], a, RH_CANARY_INT, 1);
    (void)state;
    assert_int_equal(strlen(big), 14);
    assert_int_equal(strlen(small), 9);
    assert_int_equal(hits(0, rh_arena_printf(a, "%s.0000", big)), 1);
    assert_int_equal(hits(0, rh_arena_printf(a, "1%s", small)), 0);
    assert_int_equal(hits(0, rh_arena_printf(a, "%s1", small)), 0);
}

static int leaks(rh_judge *j, int own, const char *asked, const char *text)
{
    rh_answer_to to = {.door = "data", .kind = "read", .own = own, .asked = asked, .where = "body"};
    return rh_judge_answer(j, &to, text, strlen(text));
}

static void test_what_was_asked_may_come_back_its_neighbour_not(void **state)
{
    static const char *const slugs[] = {"one", "other"};
    rh_verify_report report = {.a = a};
    rh_judge j;
    const char *value = rh_canary_value(&two[1], a, RH_CANARY_TEXT, 1),
               *next = rh_canary_value(&two[1], a, RH_CANARY_TEXT, 12);
    (void)state;
    rh_judge_init(&j, a, &report, two, slugs, 2);
    assert_true(leaks(&j, 0, "GET /x", value));
    assert_false(leaks(&j, 0, value, value));
    assert_true(leaks(&j, 0, value, next));
    rh_judge_wrote(&j, 0, rh_arena_printf(a, "POST /x {\"a\":\"%s\"}", value));
    assert_false(leaks(&j, 0, "GET /x", value));
    assert_true(leaks(&j, 0, "GET /x", next));
    assert_true(leaks(&j, RH_NOBODY, "GET /x", value));
    assert_int_equal(report.n_leaks, 4);
    assert_string_equal(report.leaks.items[0].owner, "other");
    assert_string_equal(report.leaks.items[0].canary, value);
    rh_judge_release(&j);
}

static void test_values_fit_the_column(void **state)
{
    bool is_canary;
    rh_maker narrow = {.type = "varchar", .max_chars = 10}, tiny = {.type = "varchar", .max_chars = 3},
             money = {.type = "numeric", .max_digits = 10}, list = {.type = "text", .is_array = true};
    (void)state;
    const char *one = rh_make_value(&narrow, a, &two[0], 0, &is_canary);
    assert_true(is_canary);
    assert_true(strlen(one) <= 10);
    assert_int_equal(hits(1, one), 1);
    assert_string_not_equal(one, rh_make_value(&narrow, a, &two[0], 0, &is_canary));
    assert_true(strlen(rh_make_value(&tiny, a, &two[0], 0, &is_canary)) <= 3);
    assert_false(is_canary);
    assert_int_equal(strlen(rh_make_value(&money, a, &two[0], 0, &is_canary)), 9);
    assert_true(is_canary);
    assert_int_equal(*rh_make_value(&list, a, &two[0], 0, &is_canary), '{');
    for (int style = 0; rh_make_value(&list, a, &two[0], style, &is_canary); style++)
        assert_true(style < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_form_is_found_in_the_spelling_of_answers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_case_does_not_hide_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_count_as_whole_numbers_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_asked_may_come_back_its_neighbour_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_values_fit_the_column, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
