/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of inserts, patches and calls.
 */
#include "rest_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        rh_method method;
        const char *path, *query, *prefer, *type;
    } requests[] = {
        {RH_POST, "/ads", "", NULL, NULL},
        {RH_PATCH, "/ads", "", NULL, NULL},
        {RH_PATCH, "/campaigns/5", "columns=data,parent_id", "missing=default", NULL},
        {RH_POST, "/rpc/top", "", NULL, NULL},
        {RH_POST, "/ads", "columns=id,name", "missing=default, resolution=merge-duplicates", NULL},
        {RH_PUT, "/ads", "id=eq.1", NULL, NULL},
        {RH_POST, "/ads", "on_conflict=name", "resolution=ignore-duplicates", "text/csv"},
        {RH_POST, "/ads", "", NULL, "application/x-www-form-urlencoded"}};
    rh_arena *a = rh_arena_new();
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        rh_rest_request req = {.method = requests[i].method,
                               .path = requests[i].path,
                               .query = requests[i].query,
                               .prefer = requests[i].prefer,
                               .content_type = requests[i].type,
                               .body = (const char *)data,
                               .body_len = size};
        plan_and_check(a, &req);
    }
    rh_arena_free(a);
    return 0;
}
