/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"

#define LOOKS 4 /* at the idle ones, while one becomes so */

/* A node with its pools. They are few: a list, the first one at its head. */
struct stop {
    struct stop *next;
    rh_routes *owner;
    int node;
    const char *conninfo;
    rh_health *health;
    rh_pools *pools; /* NULL: a Citus coordinator */
    rh_citus *citus;
    int64_t used_us; /* when it was asked for last */
};

struct rh_routes {
    uv_loop_t *loop;
    rh_pool_settings settings;
    int home_connections;
    struct stop *stops; /* those in use */
    int open;           /* and those that are closing, and the timer */
    bool ended;
    uv_timer_t tick;
    void (*on_closed)(void *);
    void *arg;
};

static struct stop *stop_new(rh_routes *r, int node, const char *conninfo, bool citus)
{
    struct stop *s = rh_xcalloc(1, sizeof *s);
    rh_pool_settings settings = r->settings;
    *s = (struct stop){.owner = r, .node = node, .conninfo = conninfo};
    s->health = rh_health_new(r->loop, conninfo);
    settings.conninfo = conninfo;
    settings.health = s->health;
    settings.enter = false;
    if (citus)
        s->citus = rh_citus_new(r->loop, &settings);
    else
        s->pools = rh_pools_new(r->loop, &settings, r->home_connections);
    r->open++;
    return s;
}

static void count_down(rh_routes *r)
{
    if (--r->open > 0 || !r->ended)
        return;
    void (*then)(void *) = r->on_closed;
    void *then_arg = r->arg;
    free(r);
    then(then_arg);
}

static void on_stop_closed(void *arg)
{
    struct stop *s = arg;
    rh_routes *r = s->owner;
    free(s);
    count_down(r);
}

static void on_pools_closed(void *arg)
{
    struct stop *s = arg;
    rh_health_close(s->health, on_stop_closed, s);
}

static void close_stop(struct stop *s)
{
    if (s->citus)
        rh_citus_close(s->citus, on_pools_closed, s);
    else
        rh_pools_close(s->pools, on_pools_closed, s);
}

/* What nobody asks for any more is left. */
static void on_tick(uv_timer_t *t)
{
    rh_routes *r = t->data;
    int64_t before_us = rh_now_us() - r->settings.idle_ms * 1000;
    for (struct stop **at = &r->stops->next, *s; (s = *at);) {
        if (s->used_us > before_us || !(s->citus ? rh_citus_is_idle(s->citus) : rh_pools_is_idle(s->pools))) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        close_stop(s);
    }
}

static void on_tick_closed(uv_handle_t *h)
{
    count_down(h->data);
}

rh_routes *rh_routes_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections)
{
    rh_routes *r = rh_xcalloc(1, sizeof *r);
    r->loop = loop;
    r->settings = *settings;
    r->home_connections = home_connections;
    r->stops = stop_new(r, RH_ROUTES_FIRST, settings->conninfo, settings->enter);
    r->open++;
    uv_timer_init(loop, &r->tick);
    r->tick.data = r;
    uint64_t every_ms = (uint64_t)settings->idle_ms / LOOKS + 1;
    if (settings->idle_ms)
        uv_timer_start(&r->tick, on_tick, every_ms, every_ms);
    return r;
}

/* What points to the node's stop; to NULL where there is none. */
static struct stop **find(rh_routes *r, int node)
{
    struct stop **at = &r->stops;
    while (*at && (*at)->node != node)
        at = &(*at)->next;
    return at;
}

/* A node that is reached in another way from now on gets new pools; the old ones end what they have. */
static struct stop *meet(rh_routes *r, const rh_route *to)
{
    struct stop **at = find(r, to->node), *old = *at;
    if (old && (to->node == RH_ROUTES_FIRST || old->conninfo == to->conninfo ||
                strcmp(old->conninfo, to->conninfo) == 0))
        return old;
    struct stop *s = stop_new(r, to->node, to->conninfo, to->citus);
    if (old) {
        s->next = old->next;
        close_stop(old);
    }
    return *at = s;
}

bool rh_routes_submit(rh_routes *r, const rh_route *to, rh_job *job, rh_err *err)
{
    struct stop *s = meet(r, to);
    if (to->node != RH_ROUTES_FIRST)
        s->used_us = rh_now_us();
    if (s->citus) /* its workers may answer where it does not */
        return rh_citus_submit(s->citus, &to->place, job, err);
    if (!rh_health_is_away(s->health))
        return rh_pools_submit(s->pools, to->database, job, err);
    rh_err_set(err, RH_E_UNAVAILABLE, "the database cannot be reached");
    return rh_err_hint(err, "Try again in a moment.");
}

void rh_routes_cancel(rh_routes *r, const rh_route *to, rh_job *job)
{
    struct stop *s = *find(r, to->node);
    if (s && s->citus)
        rh_pool_cancel(job->own.pool, job);
    else if (s)
        rh_pools_cancel(s->pools, to->database, job);
}

bool rh_routes_is_of_home(rh_routes *r, const rh_route *to)
{
    return !to->citus && strcmp(to->database, r->settings.database) != 0;
}

/* Where nothing is known yet, submitting will tell. */
bool rh_routes_have_room(rh_routes *r, const rh_route *to)
{
    const struct stop *s = *find(r, to->node);
    return !s || s->citus || rh_health_is_away(s->health) || rh_pools_have_room(s->pools, to->database);
}

int rh_routes_width(rh_routes *r, const rh_route *to)
{
    const struct stop *s = *find(r, to->node);
    if (s && s->citus)
        return rh_citus_width(s->citus);
    return rh_routes_is_of_home(r, to) ? r->home_connections : r->settings.connections;
}

bool rh_routes_stats_read(const rh_routes *r, int i, int *node, rh_pools_stats *out)
{
    const struct stop *s = r->stops;
    while (s && i-- > 0)
        s = s->next;
    if (!s)
        return false;
    *node = s->node;
    *out = (rh_pools_stats){0};
    if (s->citus)
        rh_citus_stats_read(s->citus, &out->main);
    else
        rh_pools_stats_read(s->pools, out);
    return true;
}

bool rh_routes_alive(const rh_routes *r)
{
    const struct stop *first = r->stops;
    return first->citus ? rh_citus_alive(first->citus) : rh_pools_alive(first->pools);
}

void rh_routes_close(rh_routes *r, void (*then)(void *arg), void *arg)
{
    struct stop *next;
    r->on_closed = then;
    r->arg = arg;
    r->ended = true;
    uv_close((uv_handle_t *)&r->tick, on_tick_closed);
    for (struct stop *s = r->stops; s; s = next) {
        next = s->next;
        close_stop(s);
    }
}
