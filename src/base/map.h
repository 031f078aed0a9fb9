/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash map from byte strings to pointers (open addressing, linear probing; a hash of eight bytes at
 * a time with a per-process seed, by the multiplication that folds: wyhash, Wang Yi, 2019). Keys are not
 * copied: they must live as long as their entry, normally inside the value. Values are the caller's.
 */
#ifndef RH_MAP_H
#define RH_MAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct rh_map_slot {
    const char *key; /* NULL: empty */
    void *value;
    uint32_t hash, len;
} rh_map_slot;

typedef struct rh_map {
    rh_map_slot *slots;
    size_t cap, len;
} rh_map;

/* The same all through this process, another in the next. */
uint64_t rh_hash(const char *bytes, size_t len);

void rh_map_init(rh_map *m);
void rh_map_release(rh_map *m);
void *rh_map_get(const rh_map *m, const char *key, size_t len);        /* NULL when absent */
void *rh_map_put(rh_map *m, const char *key, size_t len, void *value); /* the value it replaced, or NULL */
void *rh_map_del(rh_map *m, const char *key, size_t len);              /* the value removed, or NULL */
/* Iterates: for (size_t i = 0; (slot = rh_map_next(m, &i));) — no changes meanwhile. */
rh_map_slot *rh_map_next(const rh_map *m, size_t *i);

#endif
