/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pace.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"

/* How many parts of the difference a new time counts for less than one: a third of the mean where times are
 * spread as those of a queue, but one that takes a hundred times as long is seen at once. */
#define FALLS 4
#define RISES 64

struct place {
    uint64_t shape; /* 0: empty */
    int64_t usual_us;
};

struct rh_pace {
    size_t mask;
    struct place places[];
};

rh_pace *rh_pace_new(size_t places)
{
    size_t n = 1;
    while (n < places)
        n *= 2;
    rh_pace *p = rh_xcalloc(1, sizeof *p + n * sizeof *p->places);
    p->mask = n - 1;
    return p;
}

void rh_pace_free(rh_pace *p)
{
    free(p);
}

uint64_t rh_pace_shape(const char *text, size_t len, const char *name)
{
    size_t name_len = name ? strlen(name) : 0;
    const char *end = text + len, *found;
    uint64_t shape = 0;
    while (name_len && (found = memmem(text, (size_t)(end - text), name, name_len))) {
        shape = shape * 31 + rh_hash(text, (size_t)(found - text));
        text = found + name_len;
    }
    return (shape * 31 + rh_hash(text, (size_t)(end - text))) | 1; /* never 0 */
}

static size_t place_of(const rh_pace *p, uint64_t shape)
{
    return (shape >> 1) & p->mask;
}

void rh_pace_note(rh_pace *p, uint64_t shape, int64_t took_us)
{
    struct place *at = &p->places[place_of(p, shape)];
    if (at->shape == shape)
        at->usual_us += (took_us - at->usual_us) / (took_us < at->usual_us ? FALLS : RISES);
    else
        *at = (struct place){shape, took_us};
}

int64_t rh_pace_usual(const rh_pace *p, uint64_t shape)
{
    const struct place *at = &p->places[place_of(p, shape)];
    return at->shape == shape ? at->usual_us : INT64_MAX;
}
