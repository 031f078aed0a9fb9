/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/weight.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

struct home {
    uint64_t number;
    size_t bytes;
};

struct rh_weight {
    rh_map homes; /* number -> struct home */
    size_t bytes; /* of them together */
};

rh_weight *rh_weight_new(void)
{
    rh_weight *w = rh_xcalloc(1, sizeof *w);
    rh_map_init(&w->homes);
    return w;
}

void rh_weight_free(rh_weight *w)
{
    rh_map_slot *slot;
    if (!w)
        return;
    for (size_t i = 0; (slot = rh_map_next(&w->homes, &i));)
        free(slot->value);
    rh_map_release(&w->homes);
    free(w);
}

void rh_weight_note(rh_weight *w, uint64_t home, size_t relations, size_t text_len)
{
    if (!relations)
        return;
    struct home *h = rh_map_get(&w->homes, (const char *)&home, sizeof home);
    if (!h) {
        h = rh_xcalloc(1, sizeof *h);
        h->number = home;
        rh_map_put(&w->homes, (const char *)&h->number, sizeof h->number, h);
    }
    size_t most = relations * RH_WEIGHT_RELATION, grown = h->bytes + text_len * RH_WEIGHT_STATEMENT;
    if (grown > most)
        grown = most;
    if (grown <= h->bytes)
        return;
    w->bytes += grown - h->bytes;
    h->bytes = grown;
}

size_t rh_weight_homes(const rh_weight *w)
{
    return w->homes.len;
}

size_t rh_weight_bytes(const rh_weight *w, size_t prepared_text)
{
    return RH_WEIGHT_EMPTY + w->bytes + prepared_text * RH_WEIGHT_STATEMENT;
}
