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

#include "http/describer.h"
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
    rh_description_form form;
    rh_str text;
    json_t *root = NULL;
    bool ok = rh_describe(a, &c->req, cache, &naming, &settings, &out, &form, &err);
    if (ok && form != RH_DESCRIPTION_NONE) {
        rh_str_init_in(&text, a, 1 << 20);
        rh_describe_write(form, cache, &naming, &settings, "7", NULL, &text);
        root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
    }
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
        (i % 2 ? rh_openapi_swagger : rh_openapi_31)(cache, &naming, &s, "1", NULL, &out);
        assert_false(out.overflow);
        json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        assert_int_equal(dangling(a, root, root), 0);
        json_decref(root);
    }
    rh_relation_cache_free(cache);
    rh_arena_free(a);
}

/* ---- descriptions that are made once ---- */

static const rh_openapi_settings plain_settings = {.url = "http://x/", .title = "t"};

/* One who asks, and what it got. */
struct asker {
    rh_description_order order;
    rh_kept *text;
    bool found; /* it was there already */
    int answers;
};

static void on_made(rh_description_order *order, rh_kept *text, const rh_err *err)
{
    struct asker *k = (struct asker *)order;
    k->text = text;
    k->answers++;
}

static void ask(struct asker *k, rh_describer *d, const rh_relation_cache *cache, rh_description_form form)
{
    *k = (struct asker){.order = {.form = form,
                                  .cache = cache,
                                  .naming = &shared_naming,
                                  .settings = &plain_settings,
                                  .content_type = "application/json",
                                  .version = "1",
                                  .on_made = on_made}};
    k->text = rh_describer_find(d, &k->order);
    k->found = k->text != NULL;
    if (!k->found)
        rh_describer_make(d, &k->order);
}

static char *unpacked(rh_arena *a, rh_kept *text)
{
    char piece[777];
    size_t n;
    rh_str out;
    rh_unpacker *u = rh_unpacker_new(rh_kept_use(text));
    rh_str_init_in(&out, a, 1 << 20);
    while ((n = rh_unpacker_read(u, piece, sizeof piece)))
        rh_str_addn(&out, piece, n);
    assert_int_equal(out.len, text->plain_len);
    rh_unpacker_free(u);
    return (char *)rh_str_cstr(&out);
}

static const char *written(rh_arena *a, const rh_relation_cache *cache, rh_description_form form)
{
    rh_str text;
    rh_str_init_in(&text, a, 1 << 20);
    rh_describe_write(form, cache, &shared_naming, &plain_settings, "1", NULL, &text);
    return rh_str_cstr(&text);
}

static void count_closed(void *arg)
{
    ++*(int *)arg;
}

static void what_is_kept_is_what_would_be_written(void **state)
{
    int closed = 0;
    uv_loop_t loop;
    rh_descriptions_stats stats;
    rh_arena *a = rh_arena_new();
    rh_relation_cache *caches[] = {read_cache(a), read_cache(a)};
    rh_descriptions *all = rh_descriptions_new();
    assert_int_equal(uv_loop_init(&loop), 0);
    rh_describer *d = rh_describer_new(&loop, all);
    struct asker askers[12];
    for (int i = 0; i < 12; i++) /* three of each text, at once */
        ask(&askers[i], d, caches[i % 2], i / 2 % 2 ? RH_DESCRIPTION_SWAGGER : RH_DESCRIPTION_OPENAPI);
    for (int i = 0; i < 12; i++)
        assert_int_equal(askers[i].answers, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 12; i++) {
        struct asker again;
        assert_int_equal(askers[i].answers, !askers[i].found);
        assert_string_equal(unpacked(a, askers[i].text), written(a, caches[i % 2], askers[i].order.form));
        ask(&again, d, caches[i % 2], askers[i].order.form);
        assert_ptr_equal(again.text, askers[i].text);
        rh_kept_leave(again.text);
    }
    assert_string_not_equal(askers[0].text->etag, askers[2].text->etag);
    rh_descriptions_stats_read(all, &stats);
    assert_int_equal(stats.made, 4);
    assert_int_equal(stats.texts, 4);
    rh_describer_close(d, count_closed, &closed);
    assert_int_equal(closed, 1);
    rh_descriptions_free(all); /* who has a text keeps it */
    assert_string_equal(unpacked(a, askers[0].text), written(a, caches[0], RH_DESCRIPTION_OPENAPI));
    for (int i = 0; i < 12; i++)
        rh_kept_leave(askers[i].text);
    for (int i = 0; i < 2; i++)
        rh_relation_cache_free(caches[i]);
    uv_loop_close(&loop);
    rh_arena_free(a);
}

static void no_more_are_kept_than_there_is_room_for(void **state)
{
    int closed = 0;
    uv_loop_t loop;
    rh_descriptions_stats stats;
    rh_arena *a = rh_arena_new();
    rh_descriptions *all = rh_descriptions_new();
    assert_int_equal(uv_loop_init(&loop), 0);
    rh_describer *d = rh_describer_new(&loop, all);
    rh_relation_cache *caches[RH_DESCRIPTIONS_MAX + 3];
    struct asker k;
    for (int i = 0; i < RH_DESCRIPTIONS_MAX + 3; i++) {
        caches[i] = read_cache(a);
        ask(&k, d, caches[i], RH_DESCRIPTION_OPENAPI);
        uv_run(&loop, UV_RUN_DEFAULT);
        rh_kept_leave(k.text);
        ask(&k, d, caches[0], RH_DESCRIPTION_OPENAPI); /* who is asked for stays */
        assert_int_equal(k.answers, 0);
        rh_kept_leave(k.text);
    }
    rh_descriptions_stats_read(all, &stats);
    assert_int_equal(stats.texts, RH_DESCRIPTIONS_MAX);
    assert_in_range(stats.bytes, RH_DESCRIPTIONS_MAX * 100, RH_DESCRIPTIONS_MAX_BYTES);
    assert_null(rh_describer_find(d, &(rh_description_order){.form = RH_DESCRIPTION_OPENAPI,
                                                             .cache = caches[1],
                                                             .naming = &shared_naming}));
    ask(&k, d, caches[1], RH_DESCRIPTION_OPENAPI);
    rh_describer_close(d, count_closed, &closed);
    assert_int_equal(closed, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(k.answers, 1);
    assert_int_equal(closed, 1);
    rh_kept_leave(k.text);
    for (int i = 0; i < RH_DESCRIPTIONS_MAX + 3; i++)
        rh_relation_cache_free(caches[i]);
    rh_descriptions_free(all);
    uv_loop_close(&loop);
    rh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_answer_as_written),
        cmocka_unit_test(what_is_kept_is_what_would_be_written),
        cmocka_unit_test(no_more_are_kept_than_there_is_room_for),
        cmocka_unit_test(references_lead_somewhere_in_every_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
