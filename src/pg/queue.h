/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose turn it is: the queue of one loop in front of its pools (pg/routes.h). Where a job could run at once
 * and nobody waits it goes straight through. Else it waits with its tenant, and of the tenants that wait the
 * one that has had the least goes first, what it has had being time in PostgreSQL as measured (start-time
 * fair queueing: Goyal, Vin and Cheng, 1996; deficit round robin would do the same with a choice of quantum).
 * A tenant that was away has no credit from that, and a slow one no debt once nobody else waits.
 *
 * Order alone does not help who comes when all connections are busy with what takes seconds, nor when all
 * processors are. So a job that is not known to be short (more than RH_QUEUE_SHORT_US, by its statement and
 * tenant, or never seen) counts as slow: one tenant has so many under way of each kind and no more
 * (pg/share.h), and all tenants together leave a quarter of a lane's connections to short ones, where there
 * are two or more. Jobs of one kind that wait do not stand in the way of another's. A tenant is alone when no
 * other has asked anything of the node for a second or so, on whichever loop (rh_quota_is_alone()).
 *
 * Jobs that are fed (pg/pool.h) count as slow whatever they took before, since their callers may be: all of
 * them together have half of a lane's connections at most.
 *
 * A lane is what shares connections: the app's database of a node, or the database homes there.
 *
 * A tenant has a bound of jobs that wait, and each a bound of time; past either it is refused, TOO_MANY
 * (429) with the seconds after which there should be room.
 *
 * All on the loop's thread. Ownership: tickets and jobs are the caller's, from rh_queue_submit() until the
 * job's on_done, which is its own again by then. No callback runs inside rh_queue_submit() or
 * rh_queue_cancel().
 */
#ifndef RH_QUEUE_H
#define RH_QUEUE_H

#include "pg/quota.h"
#include "pg/routes.h"
#include "pg/share.h"

#define RH_QUEUE_SHORT_US 4000

typedef struct rh_queue rh_queue;

/* What is behind the queue: the routes, or a test's own. */
typedef struct rh_queue_backend {
    void *ctx;
    bool (*submit)(void *ctx, const rh_route *to, rh_job *job, rh_err *err);
    void (*cancel)(void *ctx, const rh_route *to, rh_job *job);
    bool (*has_room)(void *ctx, const rh_route *to); /* a job would be sent at once, or be the next one */
    int (*width)(void *ctx, const rh_route *to);     /* connections of the lane */
    /* which one; has_room is the same all through a lane that has an even number */
    int64_t (*lane)(void *ctx, const rh_route *to);
} rh_queue_backend;

rh_queue_backend rh_queue_of_routes(rh_routes *r);

typedef struct rh_queue_settings {
    rh_queue_backend backend;
    rh_quota *quota; /* outlives the queue */
    rh_share share;  /* of each node */
    int max_waiting; /* of one tenant on this loop */
    int64_t max_wait_ms;
} rh_queue_settings;

/* One job on its way. The caller zeroes it and fills the first part; all of it lives until on_done. */
typedef struct rh_ticket {
    const char *tenant;
    int64_t concurrency; /* the tenant's own bound, 0: none */
    rh_route to;
    rh_job *job;
    /* for the caller to read in on_done: µs in line and in PostgreSQL */
    int64_t waited_us, took_us;

    struct {
        rh_queue *queue;
        struct asker *asker;
        struct rh_ticket *next, *prev;
        void (*then)(rh_job *, const char *, const rh_err *);
        int64_t since_us, guess_us, charged_us;
        uint64_t shape;
        rh_kind kind;
        bool has_place, waits, cancelled;
    } own;
} rh_ticket;

rh_queue *rh_queue_new(uv_loop_t *loop, const rh_queue_settings *settings);
/* False: refused, nothing was done and no callback will come. */
bool rh_queue_submit(rh_queue *q, rh_ticket *t, rh_err *err);
/* As rh_pool_cancel(). */
void rh_queue_cancel(rh_queue *q, rh_ticket *t);
/* Ends what waits with UNAVAILABLE; what is under way ends with the backend, which is closed after. Then
 * calls on_closed; rh_queue_free() when the backend has closed, too. */
void rh_queue_close(rh_queue *q, void (*on_closed)(void *arg), void *arg);
void rh_queue_free(rh_queue *q);

typedef struct rh_queue_stats {
    int waiting, running, slow, tenants;         /* now; tenants: with something waiting */
    uint64_t direct, waited, refused, timed_out; /* since the beginning */
} rh_queue_stats;
void rh_queue_stats_read(const rh_queue *q, rh_queue_stats *out);

#endif
