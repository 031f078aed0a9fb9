/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* A node with its pools. They are few: a list, the first one at its head. */
struct stop {
    struct stop *next;
    rh_routes *owner;
    int node;
    const char *conninfo;
    rh_health *health;
    rh_pools *pools; /* NULL: a Citus coordinator */
    rh_citus *citus;
};

struct rh_routes {
    uv_loop_t *loop;
    rh_pool_settings settings;
    int home_connections;
    struct stop *stops; /* those in use */
    int open;           /* and those that are closing */
    bool ended;
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

static void on_stop_closed(void *arg)
{
    struct stop *s = arg;
    rh_routes *r = s->owner;
    free(s);
    if (--r->open > 0 || !r->ended)
        return;
    void (*then)(void *) = r->on_closed;
    void *then_arg = r->arg;
    free(r);
    then(then_arg);
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

rh_routes *rh_routes_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections)
{
    rh_routes *r = rh_xcalloc(1, sizeof *r);
    r->loop = loop;
    r->settings = *settings;
    r->home_connections = home_connections;
    r->stops = stop_new(r, RH_ROUTES_FIRST, settings->conninfo, settings->enter);
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
    for (struct stop *s = r->stops; s; s = next) {
        next = s->next;
        close_stop(s);
    }
}
