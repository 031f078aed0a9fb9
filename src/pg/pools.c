/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#define FORGET_US 5000000
#define PER_DATABASE 2 /* connections of one database home, where the budget allows */

struct home_pool {
    rh_pools *owner;
    rh_pool *pool;
    char *database;
    int64_t used_us; /* when last asked for */
};

struct rh_pools {
    uv_loop_t *loop;
    rh_pool_settings settings;
    const char *main_database;
    rh_pool *main;
    rh_map homes;             /* database -> struct home_pool */
    int budget, per_database; /* connections */
    int closing;              /* pools whose closing has not ended */
    bool ended;
    void (*on_closed)(void *);
    void *arg;
};

rh_pools *rh_pools_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections)
{
    rh_pools *p = rh_xcalloc(1, sizeof *p);
    p->loop = loop;
    p->settings = *settings;
    p->main_database = settings->database;
    p->budget = home_connections;
    p->per_database = home_connections < PER_DATABASE * 2 ? 1 : PER_DATABASE;
    rh_map_init(&p->homes);
    p->main = rh_pool_new(loop, settings);
    return p;
}

static void free_when_done(rh_pools *p)
{
    if (!p->ended || p->closing)
        return;
    void (*on_closed)(void *) = p->on_closed;
    void *arg = p->arg;
    rh_map_release(&p->homes);
    free(p);
    on_closed(arg);
}

static void on_pool_closed(void *arg)
{
    rh_pools *p = arg;
    p->closing--;
    free_when_done(p);
}

static void close_home(rh_pools *p, struct home_pool *h)
{
    rh_map_del(&p->homes, h->database, strlen(h->database));
    p->closing++;
    rh_pool_close(h->pool, on_pool_closed, p);
    free(h->database);
    free(h);
}

/* The pool that nobody needs just now and that was asked for longest ago; NULL when all are busy. */
static struct home_pool *idle_longest(const rh_pools *p)
{
    struct home_pool *oldest = NULL;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i));) {
        struct home_pool *h = slot->value;
        rh_pool_stats stats;
        rh_pool_stats_read(h->pool, &stats);
        if (stats.in_flight == 0 && stats.queued == 0 && (!oldest || h->used_us < oldest->used_us))
            oldest = h;
    }
    return oldest;
}

static struct home_pool *open_home(rh_pools *p, const char *database, rh_err *err)
{
    while ((int)(p->homes.len + 1) * p->per_database > p->budget && p->homes.len) {
        struct home_pool *victim = idle_longest(p);
        if (!victim) {
            rh_err_set(err, RH_E_OVERLOADED, "all connections to database homes are busy");
            rh_err_hint(err, "Try again in a moment; data.home_connections says how many there are.");
            return NULL;
        }
        close_home(p, victim);
    }
    struct home_pool *h = rh_xcalloc(1, sizeof *h);
    rh_pool_settings settings = p->settings;
    settings.database = database;
    settings.connections = p->per_database;
    h->owner = p;
    h->database = rh_xstrdup(database);
    h->pool = rh_pool_new(p->loop, &settings);
    rh_map_put(&p->homes, h->database, strlen(h->database), h);
    return h;
}

bool rh_pools_submit(rh_pools *p, const char *database, rh_job *job, rh_err *err)
{
    if (strcmp(database, p->main_database) == 0)
        return rh_pool_submit(p->main, job, err);
    struct home_pool *h = rh_map_get(&p->homes, database, strlen(database));
    if (!h && !(h = open_home(p, database, err)))
        return false;
    h->used_us = rh_now_us();
    return rh_pool_submit(h->pool, job, err);
}

void rh_pools_cancel(rh_pools *p, const char *database, rh_job *job)
{
    struct home_pool *h = rh_map_get(&p->homes, database, strlen(database));
    if (strcmp(database, p->main_database) == 0)
        rh_pool_cancel(p->main, job);
    else if (h)
        rh_pool_cancel(h->pool, job);
}

void rh_pools_trim(rh_pools *p)
{
    rh_map_slot *slot;
    int64_t before = rh_now_us() - FORGET_US;
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i));) {
        struct home_pool *h = slot->value;
        if (h->used_us > before || rh_pool_alive(h->pool))
            continue;
        close_home(p, h);
        i = 0; /* the map has changed */
    }
}

bool rh_pools_alive(const rh_pools *p)
{
    return rh_pool_alive(p->main);
}

void rh_pools_close(rh_pools *p, void (*on_closed)(void *arg), void *arg)
{
    rh_map_slot *slot;
    p->on_closed = on_closed;
    p->arg = arg;
    p->ended = true;
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i)); i = 0)
        close_home(p, slot->value);
    p->closing++;
    rh_pool_close(p->main, on_pool_closed, p);
}
