/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pace.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"

#define WEIGHT 8 /* the newest time counts one part in so many */

struct entry {
    int64_t usual_us;
    char text[];
};

struct rh_pace {
    rh_map entries;
    size_t max;
};

rh_pace *rh_pace_new(size_t max_statements)
{
    rh_pace *p = rh_xcalloc(1, sizeof *p);
    p->max = max_statements;
    rh_map_init(&p->entries);
    return p;
}

static void forget_all(rh_pace *p)
{
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&p->entries, &i));)
        free(slot->value);
    rh_map_release(&p->entries);
}

void rh_pace_free(rh_pace *p)
{
    if (!p)
        return;
    forget_all(p);
    free(p);
}

void rh_pace_note(rh_pace *p, const char *text, size_t len, int64_t took_us)
{
    struct entry *e = rh_map_get(&p->entries, text, len);
    if (e) {
        e->usual_us += (took_us - e->usual_us) / WEIGHT;
        return;
    }
    if (p->entries.len >= p->max)
        forget_all(p);
    e = rh_xmalloc(sizeof *e + len);
    e->usual_us = took_us;
    memcpy(e->text, text, len);
    rh_map_put(&p->entries, e->text, len, e);
}

bool rh_pace_is_within(const rh_pace *p, const char *text, size_t len, int64_t us)
{
    const struct entry *e = rh_map_get(&p->entries, text, len);
    return e && e->usual_us <= us;
}
