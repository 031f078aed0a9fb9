/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection of a pool: dials, keeps a pipeline of jobs, and tells its pool what happens. Only pg/pool.c
 * uses it. All on the loop's thread, dialing excepted. The events, but for on_unsent(), never come from
 * inside rh_conn_open() or rh_conn_send().
 */
#ifndef RH_CONN_H
#define RH_CONN_H

#include "pg/pool.h"

typedef struct rh_conn rh_conn;

typedef struct rh_conn_events {
    void (*on_up)(rh_conn *c, void *ctx);
    void (*on_dial_failed)(rh_conn *c, void *ctx, const rh_err *err); /* it tries again by itself */
    /* A job came to its end: job->own.error is NULL or why it failed; with own.again the error proves that
     * nothing was done and that another connection may do better. With own.skipped it did not run. */
    void (*on_job)(rh_conn *c, void *ctx, rh_job *job);
    /* The connection is gone, with these jobs in it (a list by own.next, oldest first); it dials again by
     * itself. */
    void (*on_lost)(rh_conn *c, void *ctx, rh_job *jobs, const rh_err *err);
    /* It has jobs to send: rh_conn_flush() in this turn of the loop, after whatever else is sent. */
    void (*on_unsent)(rh_conn *c, void *ctx);
    void (*on_closed)(rh_conn *c, void *ctx); /* the last event */
} rh_conn_events;

typedef struct rh_conn_counters {
    uint64_t dialed, shared, statements, prepared, unprepared, evicted, cancels, renewed;
} rh_conn_counters;

/* settings, events and counters stay the pool's and outlive the connection. It begins to dial. */
rh_conn *rh_conn_open(uv_loop_t *loop, const rh_pool_settings *settings, const rh_conn_events *events,
                      void *ctx, rh_conn_counters *counters);
/* Takes the job. Only when rh_conn_takes_jobs(); bytes may have gone to PostgreSQL when it returns. From
 * libpq 17 on, and always when it may share a transaction (own.shares), they go with those of other jobs, by
 * rh_conn_flush(); on_unsent() is called from inside. */
void rh_conn_send(rh_conn *c, rh_job *job);
void rh_conn_flush(rh_conn *c);
/* Up, and not about to be replaced. */
bool rh_conn_takes_jobs(const rh_conn *c);
bool rh_conn_is_up(const rh_conn *c);
int rh_conn_depth(const rh_conn *c);
rh_job *rh_conn_jobs(const rh_conn *c);       /* the head, NULL when idle */
int64_t rh_conn_head_since(const rh_conn *c); /* rh_now_us() when the head became the head */
/* Jobs of the pipeline were marked as cancelled: ends them as they come to the head, and takes no more. Reads
 * that stand behind the head are the caller's again at once, as a list by own.next: what takes their place in
 * the pipeline ends later by on_job or on_lost, like any job. */
rh_job *rh_conn_cancel(rh_conn *c);
/* The head is kept (rh_job_keep()): the reads that stand behind it are the caller's again at once, as a list
 * by own.next, newest first; what takes their place is as above. */
rh_job *rh_conn_clear_behind(rh_conn *c);
/* Reads no more of what PostgreSQL sends until told to go on. */
void rh_conn_pause(rh_conn *c, bool pause);
/* That, or the head waits to be fed: it is not PostgreSQL that is slow. */
bool rh_conn_is_paused(const rh_conn *c);
/* Of the head, which is fed: rh_job_feed(), rh_job_fed(), rh_job_forgo(). */
void rh_conn_feed(rh_conn *c, const rh_pool_batch *batch);
void rh_conn_end_feeding(rh_conn *c);
void rh_conn_forgo(rh_conn *c);
/* Gives up the connection, with on_lost, and dials a new one. Never from a callback of a job. */
void rh_conn_drop(rh_conn *c, const rh_err *why);
/* Past its bound of memory, by estimate, and worth replacing. */
bool rh_conn_is_heavy(const rh_conn *c);
/* Dials a new connection; when that is there, the old one takes no more jobs and gives way when it is empty,
 * with on_up. When it cannot be had, all stays as it was. */
void rh_conn_renew(rh_conn *c);
bool rh_conn_is_renewing(const rh_conn *c);
/* For good: on_lost when jobs are in it, then on_closed when dialing and the sockets have ended. */
void rh_conn_close(rh_conn *c, const rh_err *why);
void rh_conn_free(rh_conn *c); /* after on_closed */

#endif
