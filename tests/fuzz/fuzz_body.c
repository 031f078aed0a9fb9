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
        const char *path;
    } requests[] = {{RH_POST, "/ads"}, {RH_PATCH, "/ads"}, {RH_PATCH, "/campaigns/5"}, {RH_POST, "/rpc/top"}};
    rh_arena *a = rh_arena_new();
    for (int i = 0; i < 4; i++) {
        rh_rest_request req = {.method = requests[i].method,
                               .path = requests[i].path,
                               .query = "",
                               .body = (const char *)data,
                               .body_len = size};
        plan_and_check(a, &req);
    }
    rh_arena_free(a);
    return 0;
}
