/* SPDX-License-Identifier: Apache-2.0
 *
 * One Citus cluster as one loop reaches it: a pool of the coordinator, which knows every tenant, and one of
 * each worker, made when a tenant is found to be there. A job goes straight to the worker that has its
 * tenant's rows, which costs a third of the way through the coordinator; where that is not known yet it goes
 * through the coordinator, and is asked for.
 *
 * What is known may be out of date, for shards move. A worker that has the rows no more fails on them: it
 * would have to fetch them from another one, where nobody is bound. Such a job, and any other that the worker
 * could not do and has not done, is sent again through the coordinator, and the tenant's place is asked for
 * anew. So are all, when a look at the placements, every 30 seconds, shows that they have changed.
 *
 * All on the loop's thread.
 */
#ifndef RH_CITUS_H
#define RH_CITUS_H

#include "pg/pool.h"

typedef struct rh_citus rh_citus;

/* Where a job's tenant is. */
typedef struct rh_citus_place {
    const char *schema; /* of the tenant set: the shared homes', or a home's own */
    const char
        *root;       /* shared homes: the root table, whose id is the tenant's; NULL in a schema of its own */
    bool uuid;       /* ids are uuids, else bigints */
    bool owner_does; /* the worker can do all of the job; false: only the coordinator can */
} rh_citus_place;

/* settings: the coordinator's, and the workers' but for host and port; copied. */
rh_citus *rh_citus_new(uv_loop_t *loop, const rh_pool_settings *settings);
/* As rh_pool_submit(). The job's callbacks are its own again before they are called. */
bool rh_citus_submit(rh_citus *c, const rh_citus_place *place, rh_job *job, rh_err *err);
int rh_citus_width(const rh_citus *c); /* connections, of the coordinator and of workers that were met */
void rh_citus_stats_read(const rh_citus *c, rh_pool_stats *out); /* of all its pools */
bool rh_citus_alive(const rh_citus *c);                          /* the coordinator can be reached */
bool rh_citus_is_idle(const rh_citus *c);                        /* nothing waits, nothing is under way */
void rh_citus_close(rh_citus *c, void (*on_closed)(void *arg), void *arg);

#endif
