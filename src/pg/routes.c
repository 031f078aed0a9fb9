/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* A node other than the first. They are few: a list. */
struct other {
    struct other *next;
    int node;
    rh_pools *pools;
};

struct rh_routes {
    uv_loop_t *loop;
    rh_pool_settings settings;
    int home_connections;
    rh_pools *first;
    struct other *others;
    int open; /* pools that are not closed */
    void (*on_closed)(void *);
    void *arg;
};

rh_routes *rh_routes_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections)
{
    rh_routes *r = rh_xcalloc(1, sizeof *r);
    r->loop = loop;
    r->settings = *settings;
    r->home_connections = home_connections;
    r->first = rh_pools_new(loop, settings, home_connections);
    r->open = 1;
    return r;
}

static struct other *find(const rh_routes *r, int node)
{
    struct other *o = r->others;
    while (o && o->node != node)
        o = o->next;
    return o;
}

static struct other *meet(rh_routes *r, const rh_route *to)
{
    struct other *o = rh_xcalloc(1, sizeof *o);
    rh_pool_settings settings = r->settings;
    settings.conninfo = to->conninfo;
    o->node = to->node;
    o->pools = rh_pools_new(r->loop, &settings, r->home_connections);
    o->next = r->others;
    r->open++;
    return r->others = o;
}

bool rh_routes_submit(rh_routes *r, const rh_route *to, rh_job *job, rh_err *err)
{
    if (to->node == RH_ROUTES_FIRST)
        return rh_pools_submit(r->first, to->database, job, err);
    struct other *o = find(r, to->node);
    return rh_pools_submit((o ? o : meet(r, to))->pools, to->database, job, err);
}

void rh_routes_cancel(rh_routes *r, const rh_route *to, rh_job *job)
{
    const struct other *o = to->node == RH_ROUTES_FIRST ? NULL : find(r, to->node);
    rh_pools *pools = to->node == RH_ROUTES_FIRST ? r->first : o ? o->pools : NULL;
    if (pools)
        rh_pools_cancel(pools, to->database, job);
}

void rh_routes_trim(rh_routes *r)
{
    rh_pools_trim(r->first);
    for (struct other *o = r->others; o; o = o->next)
        rh_pools_trim(o->pools);
}

bool rh_routes_alive(const rh_routes *r)
{
    return rh_pools_alive(r->first);
}

static void on_closed(void *arg)
{
    rh_routes *r = arg;
    void (*then)(void *) = r->on_closed;
    void *then_arg = r->arg;
    if (--r->open > 0)
        return;
    while (r->others) {
        struct other *o = r->others;
        r->others = o->next;
        free(o);
    }
    free(r);
    then(then_arg);
}

void rh_routes_close(rh_routes *r, void (*then)(void *arg), void *arg)
{
    r->on_closed = then;
    r->arg = arg;
    for (struct other *o = r->others; o; o = o->next)
        rh_pools_close(o->pools, on_closed, r);
    rh_pools_close(r->first, on_closed, r);
}
