/* SPDX-License-Identifier: Apache-2.0 */
#include "http/request_id.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

#define MOST 128

static bool is_fine(const char *id)
{
    size_t n = 0;
    for (; id[n]; n++)
        if (n == MOST || !(isalnum((unsigned char)id[n]) || strchr("-_.:/+=@", id[n])))
            return false;
    return n > 0;
}

const char *rh_request_id(rh_arena *a, const char *given)
{
    /* letters that spell no tenant by chance, for those who look for one in an answer */
    static const char digits[] = "ghijklmnopqrstuv";
    static _Thread_local uint64_t seed, n;
    if (given && is_fine(given))
        return given;
    if (!seed) {
        int64_t now = rh_now_us();
        const void *thread = &seed;
        seed = rh_hash((const char *)&now, sizeof now) ^ rh_hash((const char *)&thread, sizeof thread);
    }
    n++;
    uint64_t bits = seed ^ rh_hash((const char *)&n, sizeof n);
    char *id = rh_arena_alloc(a, 17);
    for (int i = 0; i < 16; i++)
        id[i] = digits[bits >> (4 * i) & 15];
    id[16] = 0;
    return id;
}
