/* SPDX-License-Identifier: Apache-2.0
 *
 * The pools of one loop: one for the shared homes' database, one for each database home that was asked for
 * lately. The latter share a budget of connections, closing ones included.
 *
 * A home begins with one connection and gets a second when a job has to wait there and the budget has room.
 * When the budget is spent, the home that was idle longest gives way. When none is idle, jobs wait, first
 * come first served by home, for a bounded time and in a bounded number; a home that has had its turn then
 * takes no more jobs, and gives way when it has answered what it has. What nobody asked for in
 * settings.idle_ms is closed, and so is what cannot be reached: a home that is gone is not dialed for ever.
 *
 * All on the loop's thread; callbacks as in pg/pool.h.
 */
#ifndef RH_POOLS_H
#define RH_POOLS_H

#include "pg/pool.h"

typedef struct rh_pools rh_pools;

/* settings are the main database's; home_connections is the budget for all the others. */
rh_pools *rh_pools_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections);
/* As rh_pool_submit(), on the pool of that database. A job whose home gets no connection in time ends with
 * OVERLOADED; it is refused so when too many wait already. */
bool rh_pools_submit(rh_pools *p, const char *database, rh_job *job, rh_err *err);
/* As rh_pool_cancel(), for a job that was submitted to that database. */
void rh_pools_cancel(rh_pools *p, const char *database, rh_job *job);
/* A job to that database would not have to wait for others. */
bool rh_pools_have_room(const rh_pools *p, const char *database);
bool rh_pools_is_main(const rh_pools *p, const char *database);
int rh_pools_budget(const rh_pools *p);   /* connections to all databases but the main one */
bool rh_pools_alive(const rh_pools *p);   /* the main database's pool is */
bool rh_pools_is_idle(const rh_pools *p); /* nothing waits, nothing is under way */
void rh_pools_close(rh_pools *p, void (*on_closed)(void *arg), void *arg);

typedef struct rh_pools_stats {
    int homes, connections, waiting; /* now: with a pool, of them and those closing, jobs */
    uint64_t opened;                 /* pools, since the beginning */
    rh_pool_stats main, of_homes;    /* of_homes: together, and what those that were closed had counted */
} rh_pools_stats;
void rh_pools_stats_read(const rh_pools *p, rh_pools_stats *out);

#endif
