/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/adopted.h"

#include <pthread.h>
#include <stdlib.h>

struct rh_adopted {
    pthread_mutex_t lock; /* between finding the state and counting its user */
    rh_adopted_state *now;
};

rh_adopted *rh_adopted_new(void)
{
    rh_adopted *a = rh_xcalloc(1, sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void rh_adopted_free(rh_adopted *a)
{
    if (!a)
        return;
    rh_adopted_leave(a->now);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

rh_adopted_state *rh_adopted_state_new(void)
{
    rh_arena *arena = rh_arena_new();
    rh_adopted_state *s = RH_NEW(arena, rh_adopted_state);
    s->arena = arena;
    rh_map_init(&s->roles);
    atomic_init(&s->users, 1);
    return s;
}

void rh_adopted_show(rh_adopted *a, rh_adopted_state *s)
{
    pthread_mutex_lock(&a->lock);
    rh_adopted_state *old = a->now;
    a->now = s;
    pthread_mutex_unlock(&a->lock);
    rh_adopted_leave(old);
}

const rh_adopted_state *rh_adopted_use(rh_adopted *a)
{
    pthread_mutex_lock(&a->lock);
    rh_adopted_state *s = a->now;
    if (s)
        atomic_fetch_add(&s->users, 1);
    pthread_mutex_unlock(&a->lock);
    return s;
}

void rh_adopted_leave(const rh_adopted_state *used)
{
    rh_adopted_state *s = (rh_adopted_state *)used;
    if (!s || atomic_fetch_sub(&s->users, 1) > 1)
        return;
    for (size_t i = 0; i < s->n_schemas; i++)
        rh_relation_cache_free(s->schemas[i].cache);
    rh_map_release(&s->roles);
    rh_arena_free(s->arena);
}
