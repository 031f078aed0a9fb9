/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of the API and OPTIONS: tests/cases/describe.txt over the world of rest.sql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "rest/describe.h"
#include "rest_cases.h"

#define CASES "tests/cases/describe.txt"

static rh_openapi_settings settings_of(const rest_case *c)
{
    rh_openapi_settings s = {.url = "http://127.0.0.1:3000/", .title = "ads"};
    for (size_t i = 0; i < c->expected.len; i++) {
        const char *mode = after(c->expected.items[i], "mode: ");
        if (!mode)
            continue;
        s.mode = strstr(mode, "ignore")     ? RH_OPENAPI_IGNORE
                 : strstr(mode, "disabled") ? RH_OPENAPI_DISABLED
                                            : s.mode;
        s.security = strstr(mode, "security") != NULL;
        s.header = strstr(mode, "header") ? "x-client" : NULL;
        s.url = strstr(mode, "proxy") ? "https://api.example/v1" : s.url;
    }
    return s;
}

/* What the JSON pointer leads to; NULL: nothing. */
static const json_t *at_pointer(rh_arena *a, const json_t *v, const char *pointer)
{
    for (const char *p = pointer; v && *p == '/';) {
        size_t n = strcspn(p + 1, "/");
        char *name = rh_arena_strndup(a, p + 1, n), *to = name;
        for (const char *from = name; *from; from++) /* ~1 is a slash, ~2 a blank: ours, a case is one line */
            if (*from == '~' && from[1]) {
                from++;
                *to++ = *from == '1' ? '/' : *from == '2' ? ' ' : '~';
            } else {
                *to++ = *from;
            }
        *to = 0;
        uint64_t index;
        v = !json_is_array(v)                           ? json_object_get(v, name)
            : rh_parse_uint(name, strlen(name), &index) ? json_array_get(v, index)
                                                        : NULL;
        p += 1 + n;
    }
    return v;
}

static int check_at(rh_arena *a, const rest_case *c, const json_t *root, const char *line)
{
    const char *space = strchr(line, ' ');
    assert_non_null(space);
    const json_t *found = at_pointer(a, root, rh_arena_strndup(a, line, (size_t)(space - line)));
    char *got = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    int failed =
        strcmp(got ? got : "none", space + 1) == 0 ? 0 : complain(CASES, c, line, got ? got : "none");
    free(got);
    return failed;
}

static int check_head(const rest_case *c, const rh_rest_answer *out, const char *name, const char *value)
{
    for (int i = 0; i < out->n_headers; i++)
        if (strcmp(out->headers[i].name, name) == 0)
            return strcmp(out->headers[i].value, value) == 0
                       ? 0
                       : complain(CASES, c, value, out->headers[i].value);
    return complain(CASES, c, value, "none");
}

static int run_case(rh_arena *a, const rest_case *c, const rh_relation_cache *cache)
{
    rh_err err;
    rh_rest_answer out;
    int failed = 0;
    rh_openapi_settings settings = settings_of(c);
    rh_rest_naming naming = naming_of(c);
    assert_true(rh_describe_asked(&c->req, cache));
    bool ok = rh_describe(a, &c->req, cache, &naming, &settings, "7", NULL, &out, &err);
    json_t *root = ok && out.body ? json_loadb(out.body, out.body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    assert_true(!ok || !out.body || root);
    for (size_t i = 0; i < c->expected.len; i++) {
        const char *line = c->expected.items[i], *v;
        if (after(line, "mode: "))
            continue;
        if (!ok)
            failed += check_error(a, CASES, c, line, &err);
        else if ((v = after(line, "at: ")))
            failed += check_at(a, c, root, v);
        else if ((v = after(line, "allow: ")))
            failed += check_head(c, &out, "Allow", v);
        else if ((v = after(line, "type: ")))
            failed += check_head(c, &out, "Content-Type", v);
        else
            failed += complain(CASES, c, line, "an answer");
    }
    json_decref(root);
    if (ok)
        free(out.body);
    return failed;
}

static void cases_answer_as_written(void **state)
{
    rh_arena *a = rh_arena_new();
    int failed = 0;
    rh_relation_cache *cache = read_cache(a);
    rest_cases cases = read_cases(a, CASES);
    assert_true(cases.len > 10);
    for (size_t i = 0; i < cases.len; i++)
        failed += run_case(a, &cases.items[i], cache);
    rh_relation_cache_free(cache);
    rh_arena_free(a);
    assert_int_equal(failed, 0);
}

/* Every reference within a document leads somewhere. */
static int dangling(rh_arena *a, const json_t *root, const json_t *v)
{
    const char *key;
    size_t i;
    json_t *child;
    int n = 0;
    json_object_foreach((json_t *)v, key, child)
    {
        const char *ref = strcmp(key, "$ref") == 0 ? json_string_value(child) : NULL;
        if (ref && strchr(ref, '%') == NULL && !at_pointer(a, root, ref + 1)) {
            fprintf(stderr, "leads nowhere: %s\n", ref);
            n++;
        }
        n += dangling(a, root, child);
    }
    json_array_foreach(v, i, child) n += dangling(a, root, child);
    return n;
}

static void references_lead_somewhere_in_every_mode(void **state)
{
    static const struct {
        rh_openapi_mode mode;
        bool keyed;
    } worlds[] = {{RH_OPENAPI_FOLLOW, true}, {RH_OPENAPI_IGNORE, true}, {RH_OPENAPI_FOLLOW, false}};
    rh_arena *a = rh_arena_new();
    rh_relation_cache *cache = read_cache(a);
    for (size_t i = 0; i < 2 * sizeof worlds / sizeof *worlds; i++) {
        rh_str out;
        rh_openapi_settings s = {
            .mode = worlds[i / 2].mode, .security = true, .url = "http://x/", .title = "t", .header = "h"};
        rh_rest_naming naming = shared_naming;
        naming.keyed = worlds[i / 2].keyed;
        rh_str_init_in(&out, a, 1 << 20);
        (i % 2 ? rh_openapi_swagger : rh_openapi_31)(cache, &naming, &s, "1", &out);
        assert_false(out.overflow);
        json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        assert_int_equal(dangling(a, root, root), 0);
        json_decref(root);
    }
    rh_relation_cache_free(cache);
    rh_arena_free(a);
}

static char *text_of(rh_arena *a, const rh_relation_cache *cache, const char *path, rh_described *kept)
{
    rh_err err;
    rh_rest_answer out;
    const rh_rest_request req = {.method = RH_GET, .path = path};
    const rh_openapi_settings s = {.url = "http://x/", .title = "t"};
    assert_true(rh_describe(a, &req, cache, &shared_naming, &s, "1", kept, &out, &err));
    assert_int_equal(strlen(out.body), out.body_len);
    return out.body;
}

static void what_is_kept_is_what_would_be_written(void **state)
{
    static const char *const paths[] = {"/", "/openapi.json"};
    rh_described kept = {0};
    rh_arena *a = rh_arena_new();
    rh_relation_cache *caches[] = {read_cache(a), read_cache(a), read_cache(a)};
    for (int round = 0; round < 3; round++) /* more texts than are kept */
        for (size_t i = 0; i < 6; i++) {
            char *fresh = text_of(a, caches[i / 2], paths[i % 2], NULL);
            char *again = text_of(a, caches[i / 2], paths[i % 2], &kept);
            char *third = text_of(a, caches[i / 2], paths[i % 2], &kept);
            assert_string_equal(fresh, again);
            assert_string_equal(fresh, third);
            assert_ptr_not_equal(again, third);
            free(fresh);
            free(again);
            free(third);
        }
    rh_described_release(&kept);
    for (size_t i = 0; i < 3; i++)
        rh_relation_cache_free(caches[i]);
    rh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_answer_as_written),
        cmocka_unit_test(what_is_kept_is_what_would_be_written),
        cmocka_unit_test(references_lead_somewhere_in_every_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
