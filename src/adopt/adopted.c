/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/adopted.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
    rh_map_init(&s->limits);
    rh_map_init(&s->roles);
    atomic_init(&s->users, 1);
    pthread_mutex_init(&s->lock, NULL);
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

bool rh_adopted_is_known(rh_adopted *a)
{
    pthread_mutex_lock(&a->lock);
    bool known = a->now != NULL;
    pthread_mutex_unlock(&a->lock);
    return known;
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
    for (size_t i = 0; i < s->n_views; i++) {
        free(s->views[i].role);
        rh_relation_cache_free(s->views[i].cache);
    }
    pthread_mutex_destroy(&s->lock);
    rh_map_release(&s->limits);
    rh_map_release(&s->roles);
    rh_arena_free(s->arena);
}

static rh_adopted_view *find_view(rh_adopted_state *s, const rh_adopted_schema *schema, const char *role)
{
    for (size_t i = 0; i < s->n_views; i++)
        if (s->views[i].schema == schema && strcmp(s->views[i].role, role) == 0)
            return &s->views[i];
    return NULL;
}

const char *rh_adopted_begin(const char *isolation)
{
    static const char *const commands[][2] = {
        {"repeatable read", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
        {"serializable", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcasecmp(commands[i][0], isolation) == 0)
            return commands[i][1];
    return NULL;
}

const rh_relation_cache *rh_adopted_view_of(const rh_adopted_state *state, const rh_adopted_schema *schema,
                                            const char *role)
{
    rh_adopted_state *s = (rh_adopted_state *)state;
    pthread_mutex_lock(&s->lock);
    const rh_adopted_view *v = find_view(s, schema, role);
    const rh_relation_cache *cache = v ? v->cache : NULL;
    pthread_mutex_unlock(&s->lock);
    return cache;
}

bool rh_adopted_keep_view(const rh_adopted_state *state, const rh_adopted_schema *schema, const char *role,
                          rh_relation_cache *cache)
{
    rh_adopted_state *s = (rh_adopted_state *)state;
    pthread_mutex_lock(&s->lock);
    bool kept = s->n_views < RH_ADOPTED_VIEWS && !find_view(s, schema, role);
    if (kept)
        s->views[s->n_views++] = (rh_adopted_view){schema, rh_xstrdup(role), cache};
    pthread_mutex_unlock(&s->lock);
    return kept;
}
