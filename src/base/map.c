/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"

static uint64_t seed(void)
{
    static uint64_t value;
    uint64_t v = __atomic_load_n(&value, __ATOMIC_RELAXED);
    if (!v) {
        uint64_t expected = 0;
        if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v)
            v = (uint64_t)(uintptr_t)&value;
        v |= 1;
        if (!__atomic_compare_exchange_n(&value, &expected, v, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            v = expected;
    }
    return v;
}

static uint64_t mix(uint64_t a)
{
    unsigned __int128 product = (unsigned __int128)(a ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t rh_hash(const char *key, size_t len)
{
    uint64_t h = seed() ^ len, word;
    for (; len >= sizeof word; key += sizeof word, len -= sizeof word) {
        memcpy(&word, key, sizeof word);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, key, len);
    return mix(h ^ word);
}

void rh_map_init(rh_map *m)
{
    *m = (rh_map){0};
}

void rh_map_release(rh_map *m)
{
    free(m->slots);
    *m = (rh_map){0};
}

/* The slot that holds the key, or the empty one where it would go. */
static rh_map_slot *find(const rh_map *m, const char *key, size_t len, uint32_t hash)
{
    size_t i = hash & (m->cap - 1);
    for (;; i = (i + 1) & (m->cap - 1)) {
        rh_map_slot *s = &m->slots[i];
        if (!s->key || (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0))
            return s;
    }
}

static void grow(rh_map *m)
{
    rh_map bigger = {.cap = m->cap ? m->cap * 2 : 16, .len = m->len};
    bigger.slots = rh_xcalloc(bigger.cap, sizeof *bigger.slots);
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key)
            *find(&bigger, m->slots[i].key, m->slots[i].len, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    *m = bigger;
}

void *rh_map_get(const rh_map *m, const char *key, size_t len)
{
    if (!m->len)
        return NULL;
    return find(m, key, len, (uint32_t)rh_hash(key, len))->value;
}

void *rh_map_put(rh_map *m, const char *key, size_t len, void *value)
{
    if ((m->len + 1) * 4 > m->cap * 3)
        grow(m);
    uint32_t hash = (uint32_t)rh_hash(key, len);
    rh_map_slot *s = find(m, key, len, hash);
    void *old = s->value;
    if (!s->key)
        m->len++;
    *s = (rh_map_slot){key, value, hash, (uint32_t)len};
    return old;
}

void *rh_map_del(rh_map *m, const char *key, size_t len)
{
    if (!m->len)
        return NULL;
    rh_map_slot *s = find(m, key, len, (uint32_t)rh_hash(key, len));
    if (!s->key)
        return NULL;
    void *old = s->value;
    m->len--;
    /* close the gap: move back every later entry of the run that may stand there */
    size_t gap = (size_t)(s - m->slots), i = gap;
    for (;;) {
        i = (i + 1) & (m->cap - 1);
        if (!m->slots[i].key)
            break;
        size_t home = m->slots[i].hash & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) >= ((i - gap) & (m->cap - 1))) {
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    }
    m->slots[gap] = (rh_map_slot){0};
    return old;
}

rh_map_slot *rh_map_next(const rh_map *m, size_t *i)
{
    while (*i < m->cap)
        if (m->slots[(*i)++].key)
            return &m->slots[*i - 1];
    return NULL;
}
