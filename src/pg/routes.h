/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a job goes: the pools of each node (pg/pools.h), made when the node is first asked for, so that one
 * that is away costs the others nothing. One that nobody has asked for in settings.idle_ms, because it was
 * removed or is quiet, is left again; the first node never is. Each node has the same budgets. All on the
 * loop's thread.
 */
#ifndef RH_ROUTES_H
#define RH_ROUTES_H

#include "pg/citus.h"
#include "pg/pools.h"

typedef struct rh_routes rh_routes;

#define RH_ROUTES_FIRST 1 /* the number of the node that the settings name */

/* A database on a node, and where in it. conninfo and citus are looked at when the node is new, and never for
 * the first; database is not looked at on Citus, which has one; place is, and only there. */
typedef struct rh_route {
    int node;
    const char *conninfo, *database;
    bool citus; /* the node is a Citus coordinator */
    rh_citus_place place;
} rh_route;

/* settings and home_connections as for rh_pools_new(): the first node's, and every other one's but for its
 * conninfo. settings.enter: the first node is a Citus coordinator. */
rh_routes *rh_routes_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections);
/* As rh_pools_submit(). UNAVAILABLE at once while the node does not answer: pg/health.h. */
bool rh_routes_submit(rh_routes *r, const rh_route *to, rh_job *job, rh_err *err);
/* As rh_pools_cancel(), for a job that was submitted there. */
void rh_routes_cancel(rh_routes *r, const rh_route *to, rh_job *job);
/* For pg/queue.h: a job to there would not have to wait for others; how many connections it shares with
 * them; whether those are the database homes'. */
bool rh_routes_have_room(rh_routes *r, const rh_route *to);
int rh_routes_width(rh_routes *r, const rh_route *to);
bool rh_routes_is_of_home(rh_routes *r, const rh_route *to);
/* Of the i-th node that was met, in no order; false when there are no more. */
bool rh_routes_stats_read(const rh_routes *r, int i, int *node, rh_pools_stats *out);
bool rh_routes_alive(const rh_routes *r); /* the first node's main database can be reached */
void rh_routes_close(rh_routes *r, void (*on_closed)(void *arg), void *arg);

#endif
