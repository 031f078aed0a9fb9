/* SPDX-License-Identifier: Apache-2.0
 *
 * What a relation cache costs: plans DOCUMENT, where DOCUMENT is what sql/rest/introspect.sql gave. It says,
 * as one JSON object: milliseconds to read it, bytes of the cache, microseconds of the plan of a point read
 * and of a read with two embeds, of a refusal with a hint, milliseconds and bytes of both descriptions. The
 * requests are of t1, t2 and so on, as bench/schema.py makes them.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "rest/openapi.h"
#include "rest/rest.h"

#define MAX_DOCUMENT ((size_t)1 << 30)
#define PLANS 20000

static const rh_rest_naming naming = {.schema = "public",
                                      .reference_schema = "reference",
                                      .keyed = true,
                                      .tenant_id = "5",
                                      .id_type = "bigint",
                                      .max_response = (size_t)1 << 30};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double plan_us(const rh_relation_cache *c, const char *path, const char *query, bool ok)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    rh_rest_request request = {.method = RH_GET, .path = path, .query = query};
    double since = now_us();
    for (int i = 0; i < PLANS; i++) {
        if ((rh_rest_plan(a, &request, c, &naming, &err) != NULL) != ok) {
            fprintf(stderr, "%s?%s was not planned as it should be: %s\n", path, query, err.message);
            exit(1);
        }
        rh_arena_clear(a);
    }
    rh_arena_free(a);
    return (now_us() - since) / PLANS;
}

static void describe(const rh_relation_cache *c, const char *name,
                     void (*write)(const rh_relation_cache *, const rh_rest_naming *,
                                   const rh_openapi_settings *, const char *, const rh_openapi_sink *,
                                   rh_str *))
{
    rh_str out;
    rh_openapi_settings settings = {.url = "http://127.0.0.1:3000/", .title = "bench"};
    rh_str_init(&out, MAX_DOCUMENT);
    double since = now_us();
    write(c, &naming, &settings, "1", NULL, &out);
    printf(",\"%s_ms\":%.1f,\"%s_bytes\":%zu", name, (now_us() - since) / 1e3, name, out.len);
    rh_str_release(&out);
}

int main(int argc, char **argv)
{
    rh_err err;
    size_t len;
    rh_arena *a = rh_arena_new();
    char *text = argc == 2 ? rh_file_read(a, argv[1], MAX_DOCUMENT, &len, &err) : NULL;
    if (!text) {
        fprintf(stderr, "usage: plans DOCUMENT\n");
        return 2;
    }
    double since = now_us();
    rh_relation_cache *c = rh_relation_cache_parse(text, len, &err);
    if (!c) {
        rh_err_print(&err);
        return 1;
    }
    printf("{\"document\":%zu,\"read_ms\":%.1f,\"cache\":%zu", len, (now_us() - since) / 1e3,
           rh_relation_cache_size(c));
    printf(",\"point_us\":%.2f", plan_us(c, "/t2", "id=eq.1", true));
    printf(",\"embed_us\":%.2f", plan_us(c, "/t2", "select=id,t1(id,name),t6(id)", true));
    printf(",\"hint_us\":%.2f", plan_us(c, "/t2x", "", false));
    describe(c, "swagger", rh_openapi_swagger);
    describe(c, "openapi", rh_openapi_31);
    printf("}\n");
    rh_relation_cache_free(c);
    rh_arena_free(a);
    return 0;
}
