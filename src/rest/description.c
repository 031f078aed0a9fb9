/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/description.h"

/* After each part. */
static void hand_on(rh_description *d)
{
    rh_arena_clear(d->arena);
    if (d->sink && d->json.out->len >= d->sink->from)
        d->sink->take(d->sink->arg, d->json.out);
}

void rh_description_relations(rh_description *d, void (*put)(rh_description *d, const rh_relation *r))
{
    int n;
    const rh_relation *all = rh_relation_all(d->cache, &n);
    for (int i = 0; i < n; i++)
        if (rh_relation_is_shown(d->cache, d->naming, &all[i])) {
            put(d, &all[i]);
            hand_on(d);
        }
}

void rh_description_functions(rh_description *d, void (*put)(rh_description *d, const rh_function *f))
{
    int n;
    const rh_function *all = rh_function_all(d->cache, &n);
    for (int i = 0; i < n; i++)
        if (rh_function_is_shown(d->cache, d->naming, &all[i])) {
            put(d, &all[i]);
            hand_on(d);
        }
}

void rh_description_put_info(rh_description *d, const char *version, const char *without)
{
    const char *title, *description;
    rh_json_writer *j = &d->json;
    rh_comment_parts(d->arena, rh_relation_cache_comment(d->cache), &title, &description);
    rh_json_open(j, "info", '{');
    rh_json_put(j, "title", title ? title : d->settings->title);
    rh_json_put(j, "description", description ? description : without);
    rh_json_put(j, "version", version);
    rh_json_close(j, '}');
}

void rh_description_open_operation(rh_description *d, const char *method, const char *tag,
                                   const char *comment, const char *otherwise)
{
    const char *first, *rest;
    rh_json_writer *j = &d->json;
    rh_comment_parts(d->arena, comment, &first, &rest);
    rh_json_open(j, method, '{');
    rh_json_open(j, "tags", '[');
    rh_json_put(j, NULL, tag);
    rh_json_close(j, ']');
    rh_json_put(j, "summary", first ? first : otherwise);
    rh_json_put(j, "description", rest);
}
