/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of rh_conn, shared by conn.c (its life: states, cancelling, the pool's side), conn_send.c (what
 * a job puts into the pipeline) and conn_read.c (what comes back). Only these three include it.
 */
#ifndef RH_CONN_OWN_H
#define RH_CONN_OWN_H

#include "pg/conn.h"
#include "pg/stmt.h"
#include "pg/weight.h"

/* of a job's pipeline: conn_send.c draws their order */
enum step_kind {
    STEP_BEGIN,
    STEP_FIRST,
    STEP_RESET,
    STEP_BIND,
    STEP_DEALLOCATE,
    STEP_PREPARE,
    STEP_STATEMENT,
    STEP_ROLLBACK,
    STEP_SYNC,
    STEP_END
};

enum conn_state { DIALING, UP, WAITING, CLOSED };

struct rh_conn {
    uv_loop_t *loop;
    const rh_pool_settings *settings;
    const rh_conn_events *events;
    void *ctx;
    rh_conn_counters *counters;
    enum conn_state state;
    bool closing, doomed, broken;
    bool cancelled;     /* PostgreSQL was asked to cancel on this connection */
    bool cancel_is_out; /* and has not answered yet */
    bool unsent;        /* jobs stand in libpq's buffer, and the pool knows */
    bool open;          /* the last job's transaction has no Sync yet: others may share it */
    bool may_share;     /* UP: reads may share a transaction */
    bool paused;        /* UP: the head's caller takes no more rows for now */
    bool rests;         /* UP: nothing is read for a moment (rh_job.rest_ms); `rest` ends it */
    int handles;        /* libuv handles of ours that are not closed yet */
    uint64_t backoff_ms;
    uv_timer_t timer; /* WAITING: dial again; UP: broken, or time to cancel again */
    uv_timer_t rest;
    int64_t worked_us; /* on the head's rows, since it rested */
    struct dial *dial; /* one is under way: conn.c */
    /* UP */
    PGconn *pg;
    uv_poll_t *poll;
    int watched;
    PGconn *fresh; /* renewing, and dialed */
    bool fresh_may_share;
    rh_stmts *stmts;
    rh_weight *weight;
    rh_job *head, *tail;
    int depth, odd_nulls;
    int64_t head_since;
    /* of a shared transaction whose first job has ended: how many have not, and the time of each */
    int n_sharing;
    int64_t each_us;
};

/* Its Sync was sent. */
static inline bool rh_conn_has_sync(const rh_job *job)
{
    return job->own.n_steps && job->own.steps[job->own.n_steps - 1].kind == STEP_SYNC;
}

/* conn.c */

/* For these events (uv_poll_event); 0: none. */
void rh_conn_watch(rh_conn *c, int events);
/* A send failed: lost, but not inside the caller's call. */
void rh_conn_break_down(rh_conn *c);
/* Gives it up now, with on_lost, and dials again unless it is closing. */
void rh_conn_lose(rh_conn *c, const rh_err *why);
/* The connection has no jobs, and is wanted no more. */
void rh_conn_replace(rh_conn *c);
/* Asks PostgreSQL to cancel what the head does, if that is wanted. */
void rh_conn_cancel_head(rh_conn *c);
/* It stands for a job that was taken out of the pipeline: its results go nowhere. */
bool rh_conn_is_stand_in(const rh_job *job);

/* conn_send.c */

/* The Sync of a shared transaction, if one is open: before anything that comes is read, since its answer is a
 * step of the last job's. False: a send failed. */
bool rh_conn_close_shared(rh_conn *c);
/* All that stands in libpq's buffer, that Sync included; then what comes is watched for. */
void rh_conn_write_out(rh_conn *c);
/* Of a job that is fed: in PostgreSQL from now on, or no more. */
void rh_conn_note_fed(rh_job *job, bool there);
/* What else the job has to send, then its end. `all`: nothing went wrong. */
void rh_conn_stop_feeding(rh_conn *c, rh_job *job, bool all);

/* conn_read.c */

void rh_conn_on_poll(uv_poll_t *poll, int status, int events);

#endif
