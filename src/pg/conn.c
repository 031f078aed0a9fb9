/* SPDX-License-Identifier: Apache-2.0
 *
 *            dial ok                         lost, doomed and empty, rh_conn_drop()
 *  DIALING ------------> UP ----------------------------------------------+
 *   ^  |                 in the loop's hands: socket watched, pipeline     |
 *   |  | dial failed     mode, jobs in it oldest first                     |
 *   |  v                                                                   |
 *   | WAITING            backoff timer runs, no connection                 |
 *   +---+-----------------------------------------------------------------+
 *  rh_conn_close(): from UP and WAITING at once to CLOSED, from DIALING when the helper thread is back.
 *
 * DIALING: a helper thread owns the PGconn; nothing else does. UP: pg, poll and stmts are there.
 * UP and doomed: takes no more jobs, is replaced when its pipeline is empty. UP and broken: a send failed;
 * the timer fires at once and the connection counts as lost, so that no event comes from inside
 * rh_conn_send().
 *
 * UP and renewing: a helper thread dials as well, or has: then `fresh` is the connection that takes over when
 * the pipeline is empty, and the old one is doomed. When the old one is lost meanwhile, the dialing goes on
 * as DIALING's.
 *
 * UP and cancelling: doomed, and a helper thread asks PostgreSQL to cancel what the backend does. It is asked
 * again until the cancelled head is gone, for a cancel that comes before its statement has begun is
 * forgotten.
 */
#include "pg/conn_own.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/sabotage.h"
#include "pg/dial.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 1000
#define CANCEL_AGAIN_MS 100

struct dial {
    uv_work_t work;
    rh_conn *conn;
    PGconn *pg; /* NULL after a failure */
    bool may_share;
    rh_err err;
};

struct cancel {
    uv_work_t work;
    rh_conn *conn;
    PGcancel *target;
};

static void on_dialed(uv_work_t *work, int status);

static void set_state(rh_conn *c, enum conn_state state)
{
    static const char *const names[] = {"dialing", "up", "waiting", "closed"};
    rh_log(RH_LOG_DEBUG, "connection %s -> %s, backend %d", names[c->state], names[state],
           c->pg ? PQbackendPID(c->pg) : 0);
    c->state = state;
}

/* ---- dialing ---- */

/* On a helper thread. */
static void dial_work(uv_work_t *work)
{
    struct dial *d = work->data;
    d->pg = rh_dial(d->conn->settings, &d->may_share, &d->err);
}

static void handle_closed(rh_conn *c)
{
    if (--c->handles == 0 && c->state == CLOSED)
        c->events->on_closed(c, c->ctx);
}

static void on_timer_closed(uv_handle_t *h)
{
    handle_closed(h->data);
}

static void finish_closing(rh_conn *c)
{
    set_state(c, CLOSED);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->rest, on_timer_closed);
}

static void on_timer(uv_timer_t *t);

static void on_poll_closed(uv_handle_t *h)
{
    rh_conn *c = h->data;
    free(h);
    handle_closed(c);
}

void rh_conn_watch(rh_conn *c, int events)
{
    if (events == 0)
        uv_poll_stop(c->poll);
    else if (c->watched != events)
        uv_poll_start(c->poll, events, rh_conn_on_poll);
    c->watched = events;
}

static bool come_up(rh_conn *c, PGconn *pg, bool may_share)
{
    uv_poll_t *poll = rh_xcalloc(1, sizeof *poll);
    if (uv_poll_init(c->loop, poll, PQsocket(pg)) != 0) {
        free(poll);
        return false;
    }
    poll->data = c;
    c->handles++;
    c->pg = pg;
    c->poll = poll;
    c->watched = 0;
    c->stmts = rh_stmts_new((size_t)c->settings->max_statements,
                            c->settings->max_backend / 8 * 3 / RH_WEIGHT_STATEMENT);
    c->weight = rh_weight_new();
    c->may_share = may_share && !c->settings->reset && !rh_sabotaged("binding");
    c->doomed = c->broken = c->cancelled = c->paused = c->rests = c->open = false;
    c->n_sharing = 0;
    c->backoff_ms = 0;
    c->odd_nulls = 0;
    rh_conn_watch(c, UV_READABLE);
    set_state(c, UP);
    return true;
}

static void dial(rh_conn *c)
{
    struct dial *d = rh_xcalloc(1, sizeof *d);
    d->conn = c;
    d->work.data = d;
    c->dial = d;
    c->counters->dialed++;
    uv_queue_work(c->loop, &d->work, dial_work, on_dialed);
}

/* One may be under way: of a renewal. */
static void start_dial(rh_conn *c)
{
    if (c->settings->health && rh_health_is_away(c->settings->health)) {
        set_state(c, WAITING);
        uv_timer_start(&c->timer, on_timer, BACKOFF_LAST_MS, 0);
        return;
    }
    set_state(c, DIALING);
    if (!c->dial)
        dial(c);
}

static void wait_to_dial(rh_conn *c, const rh_err *why)
{
    c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
    if (c->backoff_ms > BACKOFF_LAST_MS)
        c->backoff_ms = BACKOFF_LAST_MS;
    set_state(c, WAITING);
    uv_timer_start(&c->timer, on_timer, c->backoff_ms, 0);
    c->events->on_dial_failed(c, c->ctx, why);
}

static void on_renewed(rh_conn *c, struct dial *d)
{
    if (!d->pg) {
        rh_log_err(RH_LOG_WARN, "a connection to the database could not be replaced", &d->err);
        return;
    }
    c->fresh = d->pg;
    c->fresh_may_share = d->may_share;
    c->doomed = true;
    if (!c->head && !c->broken)
        rh_conn_replace(c);
}

static void on_dialed(uv_work_t *work, int status)
{
    struct dial *d = work->data;
    rh_conn *c = d->conn;
    c->dial = NULL;
    if (c->closing || status == UV_ECANCELED) {
        PQfinish(d->pg);
        finish_closing(c);
    } else if (c->state == UP) {
        on_renewed(c, d);
    } else if (d->pg && come_up(c, d->pg, d->may_share)) {
        c->events->on_up(c, c->ctx);
    } else {
        if (d->pg) {
            rh_err_set(&d->err, RH_E_UNAVAILABLE, "the socket of a connection cannot be watched");
            PQfinish(d->pg);
        }
        wait_to_dial(c, &d->err);
    }
    free(d);
}

/* ---- leaving UP ---- */

/* Ends the connection and hands out what was in its pipeline. */
static rh_job *hang_up(rh_conn *c)
{
    rh_job *jobs = c->head;
    uv_timer_stop(&c->timer);
    uv_timer_stop(&c->rest);
    uv_poll_stop(c->poll); /* before libpq closes the socket */
    uv_close((uv_handle_t *)c->poll, on_poll_closed);
    PQfinish(c->pg);
    rh_stmts_free(c->stmts);
    rh_weight_free(c->weight);
    c->poll = NULL;
    c->pg = NULL;
    c->stmts = NULL;
    c->weight = NULL;
    c->head = c->tail = NULL;
    c->depth = 0;
    return jobs;
}

void rh_conn_replace(rh_conn *c)
{
    PGconn *fresh = c->fresh;
    c->fresh = NULL;
    hang_up(c);
    if (fresh && come_up(c, fresh, c->fresh_may_share)) {
        c->counters->renewed++;
        c->events->on_up(c, c->ctx);
        return;
    }
    PQfinish(fresh);
    start_dial(c);
}

void rh_conn_lose(rh_conn *c, const rh_err *why)
{
    rh_job *jobs = hang_up(c);
    PQfinish(c->fresh);
    c->fresh = NULL;
    if (!c->closing)
        start_dial(c);
    else if (c->dial)
        set_state(c, DIALING);
    else
        finish_closing(c);
    c->events->on_lost(c, c->ctx, jobs, why);
}

static void on_timer(uv_timer_t *t)
{
    rh_conn *c = t->data;
    rh_err err;
    if (c->state == WAITING) {
        start_dial(c);
    } else if (c->state == UP && c->broken) {
        rh_dial_describe(&err, c->pg);
        rh_conn_lose(c, &err);
    } else if (c->state == UP) {
        rh_conn_cancel_head(c);
    }
}

void rh_conn_break_down(rh_conn *c)
{
    c->broken = true;
    rh_conn_watch(c, 0); /* libpq may have closed the socket already */
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

/* ---- cancelling ---- */

/* On a helper thread: it connects. */
static void cancel_work(uv_work_t *work)
{
    struct cancel *k = work->data;
    char why[256];
    if (!PQcancel(k->target, why, sizeof why))
        rh_log(RH_LOG_DEBUG, "a cancel was not taken: %s", why);
}

/* The head was cancelled, or one that shares its transaction: PostgreSQL may be at any of them, since it
 * answers them together. */
static bool wants_cancel(const rh_conn *c)
{
    const rh_job *job = c->head;
    while (job && !job->own.cancelled && job->own.shares && !rh_conn_has_sync(job))
        job = job->own.next;
    return job && job->own.cancelled;
}

static void on_cancel_done(uv_work_t *work, int status)
{
    struct cancel *k = work->data;
    rh_conn *c = k->conn;
    PQfreeCancel(k->target);
    free(k);
    c->cancel_is_out = false;
    if (c->state == UP && !c->broken && wants_cancel(c))
        uv_timer_start(&c->timer, on_timer, CANCEL_AGAIN_MS, 0);
    handle_closed(c);
}

void rh_conn_cancel_head(rh_conn *c)
{
    if (!wants_cancel(c) || c->broken || c->cancel_is_out)
        return;
    PGcancel *target = PQgetCancel(c->pg);
    if (!target)
        return;
    struct cancel *k = rh_xcalloc(1, sizeof *k);
    k->work.data = k;
    k->conn = c;
    k->target = target;
    c->cancelled = c->cancel_is_out = true;
    c->counters->cancels++;
    c->handles++; /* the connection outlives the helper */
    uv_queue_work(c->loop, &k->work, cancel_work, on_cancel_done);
}

/* ---- the pool's side ---- */

rh_conn *rh_conn_open(uv_loop_t *loop, const rh_pool_settings *settings, const rh_conn_events *events,
                      void *ctx, rh_conn_counters *counters)
{
    rh_conn *c = rh_xcalloc(1, sizeof *c);
    *c = (rh_conn){
        .loop = loop, .settings = settings, .events = events, .ctx = ctx, .counters = counters, .handles = 2};
    uv_timer_init(loop, &c->timer);
    uv_timer_init(loop, &c->rest);
    c->timer.data = c->rest.data = c;
    start_dial(c);
    return c;
}

bool rh_conn_takes_jobs(const rh_conn *c)
{
    return c->state == UP && !c->doomed && !c->broken && !c->closing &&
           !(c->head && (c->head->own.kept || c->head->own.copies));
}

bool rh_conn_is_up(const rh_conn *c)
{
    return c->state == UP;
}

int rh_conn_depth(const rh_conn *c)
{
    return c->depth;
}

rh_job *rh_conn_jobs(const rh_conn *c)
{
    return c->head;
}

int64_t rh_conn_head_since(const rh_conn *c)
{
    return c->head_since;
}

static void free_stand_in(rh_job *job, const char *affected, const rh_err *err)
{
    (void)affected, (void)err;
    free(job);
}

bool rh_conn_is_stand_in(const rh_job *job)
{
    return job->on_done == free_stand_in;
}

/* What takes a cancelled job's place in the pipeline: its results go nowhere. */
static rh_job *stand_in_for(const rh_job *job)
{
    rh_job *s = rh_xcalloc(1, sizeof *s);
    *s = (rh_job){.tenant = "",
                  .read_only = job->read_only,
                  .single_row = job->single_row,
                  .on_done = free_stand_in,
                  .own = job->own};
    s->own.restarted = true; /* it is never sent again */
    return s;
}

/* Taken out of the pipeline: what was sent of it is answered to nobody. */
static rh_job *take_out(rh_conn *c, rh_job **at)
{
    rh_job *job = *at;
    *at = stand_in_for(job);
    if (c->tail == job)
        c->tail = *at;
    return job;
}

rh_job *rh_conn_cancel(rh_conn *c)
{
    rh_job *out = NULL, **out_end = &out;
    for (rh_job **at = &c->head; *at; at = &(*at)->own.next) {
        rh_job *job = *at;
        c->doomed |= job->own.cancelled;
        if (job->own.cancelled && job == c->head) /* PostgreSQL hears of it when it can send */
            rh_conn_pause(c, false);
        if (job == c->head || !job->own.cancelled || !job->read_only || rh_conn_is_stand_in(job))
            continue;
        take_out(c, at);
        job->own.next = NULL;
        *out_end = job;
        out_end = &job->own.next;
    }
    if (c->head && c->head->own.cancelled)
        rh_conn_forgo(c);
    if (c->state == UP)
        rh_conn_cancel_head(c);
    return out;
}

rh_job *rh_conn_clear_behind(rh_conn *c)
{
    rh_job *out = NULL;
    if (!c->head || !c->head->own.kept)
        return NULL;
    for (rh_job **at = &c->head->own.next; *at; at = &(*at)->own.next)
        if ((*at)->read_only && !rh_conn_is_stand_in(*at)) {
            rh_job *job = take_out(c, at);
            job->own.next = out;
            out = job;
        }
    return out;
}

bool rh_conn_is_heavy(const rh_conn *c)
{
    return c->settings->max_backend && rh_conn_takes_jobs(c) && rh_weight_homes(c->weight) > 1 &&
           rh_weight_bytes(c->weight, rh_stmts_text(c->stmts)) > c->settings->max_backend / 4 * 3;
}

void rh_conn_renew(rh_conn *c)
{
    if (rh_conn_takes_jobs(c) && !c->dial)
        dial(c);
}

bool rh_conn_is_renewing(const rh_conn *c)
{
    return c->state == UP && (c->dial || c->fresh);
}

void rh_conn_drop(rh_conn *c, const rh_err *why)
{
    if (c->state == UP)
        rh_conn_lose(c, why);
}

void rh_conn_close(rh_conn *c, const rh_err *why)
{
    c->closing = true;
    if (c->state == UP)
        rh_conn_lose(c, why);
    else if (c->state == WAITING)
        finish_closing(c);
    if (c->dial)
        uv_cancel((uv_req_t *)&c->dial->work); /* fails when it has begun: then it ends by its timeout */
}

void rh_conn_free(rh_conn *c)
{
    free(c);
}
