/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths and query strings. The first byte chooses the method, the rest is the target as it stands in a
 * request line.
 */
#include "rest_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const rh_method methods[] = {RH_GET, RH_HEAD, RH_POST, RH_PATCH, RH_DELETE, RH_PUT};
    if (!size)
        return 0;
    rh_arena *a = rh_arena_new();
    char *target = rh_arena_strndup(a, (const char *)data + 1, size - 1);
    char *query = strchr(target, '?');
    if (query)
        *query++ = 0;
    rh_rest_request req = {.method = methods[data[0] % 6],
                           .path = target,
                           .query = query ? query : "",
                           .body = "{}",
                           .body_len = 2,
                           .prefer = data[0] & 8 ? "return=representation, count=exact, missing=default, "
                                                   "resolution=merge-duplicates"
                                                 : "count=exact"};
    plan_and_check(a, &req);
    rh_arena_free(a);
    return 0;
}
