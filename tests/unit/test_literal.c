/* SPDX-License-Identifier: Apache-2.0
 *
 * pg/literal: what becomes of a text, and which texts are left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg/literal.h"

static const struct {
    const char *text, *expected; /* NULL: refused */
} cases[] = {
    {"SELECT 1", "SELECT 1"},
    {"SELECT * FROM t WHERE k = $1::bigint AND a = $2", "SELECT * FROM t WHERE k = '5'::bigint AND a = $1"},
    {"$1 $10 $11 $2", "'5' $9 $10 $1"},
    {"SELECT \"a$1\"\"$1\", '$1''$1' WHERE k = $1", "SELECT \"a$1\"\"$1\", '$1''$1' WHERE k = '5'"},
    {"a -> $2 ->> $3 - $1 / $4", "a -> $1 ->> $2 - '5' / $3"},
    {"SELECT \"a$1", NULL},
    {"SELECT 'a$1 WHERE k = $1", NULL},
    {"SELECT E'\\'$1' WHERE k = $1", NULL},
    {"SELECT $$ $1 $$", NULL},
    {"SELECT $a$ $1 $a$", NULL},
    {"SELECT $0", NULL},
    {"SELECT $", NULL},
    {"SELECT 1 -- $1", NULL},
    {"SELECT 1 /* $1 */", NULL},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rh_str out;
        rh_str_init(&out, RH_STR_TEXT_MAX);
        bool ok = rh_literal_first(&out, cases[i].text, strlen(cases[i].text), "'5'");
        if (cases[i].expected)
            assert_string_equal(rh_str_cstr(&out), cases[i].expected);
        assert_int_equal(ok, cases[i].expected != NULL);
        rh_str_release(&out);
    }
}

static const char *const values[] = {"it's", NULL, "back\\slash's", "$1 \" -- /*", "", "\xc3\xa9"};

static const struct {
    const char *text, *expected; /* NULL: refused */
} all_cases[] = {
    {"SELECT 1", "SELECT 1"},
    {"k = $1::text AND \"$1\" <> '$1'", "k =  'it''s' ::text AND \"$1\" <> '$1'"},
    {"IN ($1,$2,$3)", "IN ( 'it''s' , NULL ,  E'back\\\\slash''s' )"},
    {"x ~$4", "x ~ '$1 \" -- /*' "},
    {"$5||$6", " '' || '\xc3\xa9' "},
    {"U&$5E$1", "U& '' E 'it''s' "}, /* never another kind of literal */
    {"$7", NULL},
    {"$4294967297", NULL},
    {"$18446744073709551617", NULL},
    {"$0", NULL},
    {"'$1", NULL},
    {"$1 -- $2", NULL},
    {"$q$ $1 $q$", NULL},
};

static void test_all_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all_cases / sizeof *all_cases; i++) {
        rh_str out;
        rh_str_init(&out, RH_STR_TEXT_MAX);
        bool ok = rh_literal_all(&out, all_cases[i].text, strlen(all_cases[i].text), 6, values);
        if (all_cases[i].expected)
            assert_string_equal(rh_str_cstr(&out), all_cases[i].expected);
        assert_int_equal(ok, all_cases[i].expected != NULL);
        rh_str_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_all_parameters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
