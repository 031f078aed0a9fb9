/* SPDX-License-Identifier: Apache-2.0
 *
 * What of Accept-Encoding is wanted, and what If-None-Match names. That encodings are right is for decoders
 * that are not ours to say: tests/e2e/encode.test.js.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/encode.h"
#include "http/etag.h"

static const struct {
    const char *accept;
    rh_coding coding;
} codings[] = {
    {NULL, RH_CODING_NONE},
    {"", RH_CODING_NONE},
    {"gzip", RH_CODING_GZIP},
    {"GZip, deflate", RH_CODING_GZIP},
    {"x-gzip", RH_CODING_GZIP},
    {"gzip, deflate, br, zstd", RH_CODING_BR},
    {"br;q=0.5, gzip;q=0.8", RH_CODING_GZIP},
    {"br;q=0.8,gzip;q=0.8", RH_CODING_BR},
    {"br;q=0, gzip", RH_CODING_GZIP},
    {"gzip;q=0", RH_CODING_NONE},
    {"gzip;q=0.000", RH_CODING_NONE},
    {"gzip ; q=1.0", RH_CODING_GZIP},
    {"gzip;q=0.001", RH_CODING_GZIP},
    {"*", RH_CODING_BR},
    {"*;q=0", RH_CODING_NONE},
    {"gzip, *;q=0", RH_CODING_GZIP},
    {"br;q=0, *", RH_CODING_GZIP},
    {"identity", RH_CODING_NONE},
    {"identity, gzip;q=0.5", RH_CODING_NONE},
    {"identity;q=0.5, gzip", RH_CODING_GZIP},
    {"deflate, zstd", RH_CODING_NONE},
    {"gzipped, brr", RH_CODING_NONE},
    {"gzip;q=x", RH_CODING_NONE},
    {"gzip;q=2", RH_CODING_NONE},
    {"gzip;q=99999999999999999999", RH_CODING_NONE},
    {"gzip;q=", RH_CODING_NONE},
    {"gzip;", RH_CODING_NONE},
    {",,gzip,,", RH_CODING_GZIP},
    {";q=1", RH_CODING_NONE},
};

static void the_wanted_coding_is_chosen(void **state)
{
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        if (rh_coding_of(codings[i].accept) != codings[i].coding)
            fail_msg("%s: %s", codings[i].accept, rh_coding_name(rh_coding_of(codings[i].accept)));
}

static void tags_are_of_the_content(void **state)
{
    char a[RH_ETAG_SIZE], b[RH_ETAG_SIZE];
    rh_rest_header one[] = {{"Content-Range", "0-1/2"}}, two[] = {{"Content-Range", "0-1/3"}};
    rh_etag_of(200, one, 1, "[]", 2, a);
    rh_etag_of(200, one, 1, "[]", 2, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 2 + 2 + 32);
    rh_etag_of(200, two, 1, "[]", 2, b);
    assert_string_not_equal(a, b);
    rh_etag_of(200, one, 1, "{}", 2, b);
    assert_string_not_equal(a, b);
}

static void tags_are_compared_weakly(void **state)
{
    static const struct {
        const char *header;
        bool matches;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*", true},
        {" *", true},
        {"W/\"a\"", true},
        {"\"a\"", true},
        {"\"b\", W/\"a\"", true},
        {"\"b\",\"a\"", true},
        {"\"b\"", false},
        {"a", false},
        {"\"a", false},
        {"\"b", false},
        {"W/\"ab\"", false},
        {"\"a\"b", true},
        {"*, \"b\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rh_etag_matches(cases[i].header, "W/\"a\"") != cases[i].matches)
            fail_msg("%s", cases[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_wanted_coding_is_chosen),
                                       cmocka_unit_test(tags_are_of_the_content),
                                       cmocka_unit_test(tags_are_compared_weakly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
