/* SPDX-License-Identifier: Apache-2.0
 *
 * The pools of one loop: one for the shared homes' database, one for each database home that was asked for
 * lately. The latter share a budget of connections: when it is spent, the pool that was idle longest is
 * closed for the next. All on the loop's thread.
 */
#ifndef RH_POOLS_H
#define RH_POOLS_H

#include "pg/pool.h"

typedef struct rh_pools rh_pools;

/* settings are the main database's; home_connections is the budget for all the others. */
rh_pools *rh_pools_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections);
/* As rh_pool_submit(), on the pool of that database. OVERLOADED when the budget is spent and nobody is idle.
 */
bool rh_pools_submit(rh_pools *p, const char *database, rh_job *job, rh_err *err);
/* As rh_pool_cancel(), for a job that was submitted to that database. */
void rh_pools_cancel(rh_pools *p, const char *database, rh_job *job);
/* Lets go of databases that cannot be reached and were not asked for lately: a home that is gone is not
 * dialed for ever. */
void rh_pools_trim(rh_pools *p);
bool rh_pools_alive(const rh_pools *p); /* the main database's pool is */
void rh_pools_close(rh_pools *p, void (*on_closed)(void *arg), void *arg);

#endif
