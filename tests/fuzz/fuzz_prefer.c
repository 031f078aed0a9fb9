/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers: Prefer, Range, Accept and Content-Type, one a line.
 */
#include "rest_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rh_arena *a = rh_arena_new();
    char *rest = rh_arena_strndup(a, (const char *)data, size);
    rh_rest_request req = {
        .path = "/ads", .query = "limit=5&offset=2", .body = "{\"name\":\"x\"}", .body_len = 12};
    req.prefer = strsep(&rest, "\n");
    req.range = strsep(&rest, "\n");
    req.accept = strsep(&rest, "\n");
    req.content_type = strsep(&rest, "\n");
    plan_and_check(a, &req);
    req.method = RH_POST;
    req.query = "";
    plan_and_check(a, &req);
    rh_arena_free(a);
    return 0;
}
