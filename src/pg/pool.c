/* SPDX-License-Identifier: Apache-2.0
 *
 * A job is in exactly one of these places, and the list it is on is its state:
 *
 *   submit -> QUEUE -> PIPELINE of one connection -> on_done
 *               ^          |
 *               +----------+  connection lost, read, first time; stale statement, first time
 *
 * QUEUE: not a byte was sent; deadlines run (the oldest job first, since all get the same time). PIPELINE:
 * bytes may have been sent; past its deadline the connection is dropped, never cancelled, for a cancel hits
 * whatever the backend is doing by then. Work that a caller must not see done inside its own call waits for
 * the `later` timer.
 */
#include "pg/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pg/conn.h"
#include "pg/pace.h"

#define SWEEP_MS 100
#define SUSPECT_US 2000000    /* an answer that takes longer may never come */
#define BRIEF_US 1000         /* a statement that usually ends within it may stand behind another such one */
#define SHORT_US 4000         /* within which it may stand behind such one where its home is known already */
#define WORTH_US 10000        /* of waiting there: elsewhere it may cost milliseconds of CPU */
#define SHARED_DEPTH 2        /* times max_depth of those that may share a transaction */
#define PACK_FROM 2           /* connections at work before brief jobs are put together */
#define PACED_STATEMENTS 4096 /* places for their usual times, with several connections */
#define PACED_FEW 256         /* and with one or two */
#define PREFERRED 2           /* connections that know a home */
#define RENEW_PAUSE_MS 200
#define MAX_PARAMETERS 65535 /* of the protocol */

struct rh_pool {
    uv_loop_t *loop;
    rh_pool_settings settings;
    rh_conn **conns;
    int n_conns, n_open;
    rh_pace *pace;
    bool down; /* none is up and the last attempt failed */
    rh_job *first, *last;
    int n_queued, n_flying;
    uv_timer_t sweep, later, send;
    rh_health_listener listener;
    bool any_cancelled, any_kept; /* since `later` ran last */
    int64_t renew_after_ms;
    bool closing;
    int handles;
    void (*on_closed)(void *);
    void *closed_arg;
    rh_conn_counters counters;
    rh_pool_stats stats; /* only what adds up; the rest is computed when asked for */
};

/* ---- ending jobs ---- */

static void end_job(rh_job *job, const rh_err *err)
{
    rh_err *own = job->own.error;
    job->own.error = NULL;
    job->on_done(job, job->own.affected, err ? err : own);
    free(own);
}

static void set_unavailable(rh_err *err)
{
    rh_err_set(err, RH_E_UNAVAILABLE, "the database cannot be reached");
    rh_err_hint(err, "Try again in a moment.");
}

static void set_lost(rh_err *err, const rh_job *job)
{
    if (job->read_only || job->own.feeding) {
        set_unavailable(err);
        return;
    }
    rh_err_set(err, RH_E_UNKNOWN_OUTCOME,
               "the connection to the database was lost before the outcome was known");
    rh_err_hint(err, "Read the data to see whether the change was made before sending it again.");
}

static void set_timeout(rh_err *err, const rh_job *job, bool sent)
{
    if (sent && !job->read_only && !job->own.feeding) {
        set_lost(err, job);
        rh_err_detail(err, "The time for this request ran out.");
        return;
    }
    rh_err_set(err, RH_E_TIMEOUT, "the time for this request ran out");
}

void rh_pool_cancelled(rh_err *err)
{
    rh_err_set(err, RH_E_DB, "the request was cancelled");
    memcpy(err->sqlstate, "57014", sizeof err->sqlstate);
}

/* ---- the queue ---- */

static void push_back(rh_pool *p, rh_job *job)
{
    job->own.next = NULL;
    if (p->last)
        p->last->own.next = job;
    else
        p->first = job;
    p->last = job;
    p->n_queued++;
}

/* One that was sent already: where it would stand if it had not been. */
static void put_back(rh_pool *p, rh_job *job)
{
    rh_job **at = &p->first;
    while (*at && (*at)->own.turn < job->own.turn)
        at = &(*at)->own.next;
    job->own.next = *at;
    *at = job;
    if (!job->own.next)
        p->last = job;
    p->n_queued++;
}

static rh_job *pop(rh_pool *p)
{
    rh_job *job = p->first;
    p->first = job->own.next;
    if (!p->first)
        p->last = NULL;
    p->n_queued--;
    return job;
}

/* Takes the cancelled jobs out of the queue, as a list in its order. */
static rh_job *take_cancelled(rh_pool *p)
{
    rh_job *out = NULL, **out_end = &out, **at = &p->first;
    p->last = NULL;
    while (*at) {
        rh_job *job = *at;
        if (job->own.cancelled) {
            *at = job->own.next;
            *out_end = job;
            out_end = &job->own.next;
            p->n_queued--;
        } else {
            p->last = job;
            at = &job->own.next;
        }
    }
    *out_end = NULL;
    return out;
}

/* All that the connection has under way usually ends within that time. */
static bool is_brisk(const rh_conn *c, int64_t within_us)
{
    for (const rh_job *job = rh_conn_jobs(c); job; job = job->own.next)
        if (job->own.usual_us > within_us)
            return false;
    return true;
}

/* A write could not be taken back from behind a read that is told to wait. */
static bool would_be_stuck(const rh_conn *c, const rh_job *job)
{
    for (const rh_job *before = rh_conn_jobs(c); before && !job->read_only; before = before->own.next)
        if (before->streams)
            return true;
    return false;
}

static bool has_room(const rh_pool *p, const rh_conn *c, const rh_job *job)
{
    int most = job->on_copy || job->on_hungry ? 1
               : job->own.shares              ? SHARED_DEPTH * p->settings.max_depth
                                              : p->settings.max_depth;
    return rh_conn_takes_jobs(c) && rh_conn_depth(c) < most && !would_be_stuck(c, job);
}

/* A brief job joins a brisk connection once PACK_FROM are at work: one wake-up of a backend then serves
 * several. Any other job, and a brief one without such company, takes an idle connection; without one, the
 * least deep whose head is young. */
static rh_conn *choose_any(const rh_pool *p, const rh_job *job)
{
    rh_conn *brisk = NULL, *idle = NULL, *young = NULL;
    bool brief = job->own.usual_us <= BRIEF_US;
    int64_t now = 0;
    int busy = 0;
    for (int i = 0; i < p->n_conns; i++) {
        rh_conn *c = p->conns[i];
        int depth = rh_conn_depth(c);
        busy += depth > 0;
        if (!has_room(p, c, job))
            continue;
        if (depth == 0) {
            if (!brief)
                return c;
            idle = idle ? idle : c;
            continue;
        }
        if (!now)
            now = rh_now_us();
        int64_t age = now - rh_conn_head_since(c);
        if (age >= p->settings.max_head_age_us)
            continue;
        if (brief && (!brisk || depth < rh_conn_depth(brisk)) && is_brisk(c, BRIEF_US))
            brisk = c;
        if (!young || depth < rh_conn_depth(young))
            young = c;
    }
    return brisk && busy >= PACK_FROM ? brisk : idle ? idle : young;
}

/* Bits of both, well mixed (the finalizer of splitmix64, Steele, Lea and Flood, 2014). */
static uint64_t rank_of(uint64_t home, int connection)
{
    uint64_t x = home + (uint64_t)(connection + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Of several connections the one that comes first for a home. */
struct first {
    rh_conn *conn;
    uint64_t rank;
};

static void offer(struct first *f, rh_conn *c, uint64_t rank)
{
    if (!f->conn || rank > f->rank)
        *f = (struct first){c, rank};
}

/* For a job of a home: one of its own connections, if that is idle or the job can join short ones there; else
 * the first in its order that is idle, then the first whose head is young. */
static rh_conn *choose_for_home(const rh_pool *p, const rh_job *job)
{
    struct first own[PREFERRED] = {{0}}, idle = {0}, young = {0};
    bool takes[PREFERRED] = {false};
    int64_t now = rh_now_us();
    for (int i = 0; i < p->n_conns; i++) {
        rh_conn *c = p->conns[i];
        uint64_t rank = rank_of(job->home, i);
        int64_t age = now - rh_conn_head_since(c);
        bool room = has_room(p, c, job), is_idle = room && rh_conn_depth(c) == 0;
        if (is_idle)
            offer(&idle, c, rank);
        else if (room && age < p->settings.max_head_age_us)
            offer(&young, c, rank);
        int k = !own[0].conn || rank > own[0].rank ? 0 : !own[1].conn || rank > own[1].rank ? 1 : PREFERRED;
        if (k == 0)
            own[1] = own[0], takes[1] = takes[0];
        if (k < PREFERRED) {
            own[k] = (struct first){c, rank};
            takes[k] =
                is_idle || (room && age < WORTH_US && job->own.usual_us <= SHORT_US && is_brisk(c, SHORT_US));
        }
    }
    return takes[0] ? own[0].conn : takes[1] ? own[1].conn : idle.conn ? idle.conn : young.conn;
}

static rh_conn *choose(const rh_pool *p, const rh_job *job)
{
    return job->home ? choose_for_home(p, job) : choose_any(p, job);
}

static int64_t usual_of(const rh_pool *p, const rh_job *job)
{
    int64_t most = 0;
    for (int i = 0; i < job->n_statements; i++) {
        int64_t usual = rh_pace_usual(p->pace, job->own.shapes[i]);
        most = usual > most ? usual : most;
    }
    return most;
}

/* The time is the whole job's: the last statement's share is as good as unknown, and the bound is the same.
 */
static void note_pace(rh_pool *p, const rh_job *job)
{
    for (int i = 0; !job->own.error && !job->own.skipped && i < job->n_statements; i++)
        rh_pace_note(p->pace, job->own.shapes[i], job->own.took_us);
}

/* Only what is brief: those before it get their answers with its own. */
static bool may_share(const rh_pool *p, const rh_job *job)
{
    return job->shares && job->own.usual_us <= BRIEF_US && !job->own.alone;
}

static void dispatch(rh_pool *p)
{
    rh_conn *c;
    while (p->first && !p->closing) {
        p->first->own.usual_us = usual_of(p, p->first);
        p->first->own.shares = may_share(p, p->first);
        if (!(c = choose(p, p->first)))
            break;
        p->n_flying++;
        rh_conn_send(c, pop(p));
        p->stats.pipelined += rh_conn_depth(c) > 1;
        if ((uint64_t)rh_conn_depth(c) > p->stats.deepest)
            p->stats.deepest = (uint64_t)rh_conn_depth(c);
    }
}

/* Nothing can be served: waiting would only make clients wait. */
static void refuse_queue(rh_pool *p)
{
    rh_err err;
    while (p->first) {
        set_unavailable(&err);
        end_job(pop(p), &err);
    }
}

/* Sends it once more: first in the queue, as it is the oldest. */
static void restart(rh_pool *p, rh_job *job)
{
    job->own.restarted = true;
    free(job->own.error);
    job->own.error = NULL;
    if (job->on_restart)
        job->on_restart(job);
    p->stats.retried++;
    put_back(p, job);
}

/* A connection that has grown too much gives way to a new one: one at a time. */
static void renew(rh_pool *p, rh_conn *c)
{
    int64_t now;
    if (p->closing || !rh_conn_is_heavy(c) || (now = rh_now_ms()) < p->renew_after_ms)
        return;
    for (int i = 0; i < p->n_conns; i++)
        if (rh_conn_is_renewing(p->conns[i]))
            return;
    p->renew_after_ms = now + RENEW_PAUSE_MS;
    rh_conn_renew(c);
}

bool rh_pool_has_room(const rh_pool *p)
{
    return p->n_queued == 0;
}

bool rh_pool_is_idle(const rh_pool *p)
{
    return p->n_queued == 0 && p->n_flying == 0;
}

static void tell_idle(rh_pool *p)
{
    if (p->settings.on_idle && !p->closing && rh_pool_is_idle(p))
        p->settings.on_idle(p, p->settings.on_idle_arg);
}

/* ---- events of connections ---- */

/* The server may not answer any more. */
static void suspect(rh_pool *p)
{
    if (p->settings.health)
        rh_health_suspect(p->settings.health);
}

bool rh_pool_alive(const rh_pool *p)
{
    for (int i = 0; i < p->n_conns; i++)
        if (rh_conn_is_up(p->conns[i]))
            return true;
    return false;
}

static void on_up(rh_conn *c, void *ctx)
{
    rh_pool *p = ctx;
    if (p->down)
        rh_log(RH_LOG_INFO, "the database can be reached again");
    p->down = false;
    dispatch(p);
}

static void on_dial_failed(rh_conn *c, void *ctx, const rh_err *err)
{
    rh_pool *p = ctx;
    p->stats.dial_failures++;
    suspect(p);
    rh_log_err(p->down ? RH_LOG_DEBUG : RH_LOG_WARN, "connecting to the database", err);
    if (!rh_pool_alive(p)) {
        p->down = true;
        refuse_queue(p);
        tell_idle(p);
    }
}

/* Another job's error kept it from running. */
static void send_alone(rh_pool *p, rh_job *job)
{
    rh_err err;
    job->own.alone = true;
    if (!job->own.cancelled && !p->closing) {
        p->stats.retried++;
        put_back(p, job);
        return;
    }
    if (job->own.cancelled)
        rh_pool_cancelled(&err);
    else
        set_unavailable(&err);
    end_job(job, &err);
}

static void on_job(rh_conn *c, void *ctx, rh_job *job)
{
    rh_pool *p = ctx;
    p->n_flying--;
    note_pace(p, job);
    if (job->own.again && !job->own.restarted && !job->own.cancelled && !p->closing)
        restart(p, job);
    else if (job->own.skipped)
        send_alone(p, job);
    else
        end_job(job, NULL);
    dispatch(p);
    renew(p, c);
    tell_idle(p);
}

static void on_later(uv_timer_t *t);

static void on_lost(rh_conn *c, void *ctx, rh_job *jobs, const rh_err *why)
{
    rh_pool *p = ctx;
    rh_job *retry = NULL;
    rh_err err;
    p->stats.lost++;
    rh_log_err(p->closing ? RH_LOG_DEBUG : RH_LOG_WARN, "a connection to the database was lost", why);
    while (jobs) {
        rh_job *job = jobs;
        jobs = job->own.next;
        p->n_flying--;
        if (job->own.expired) {
            set_timeout(&err, job, true);
            end_job(job, &err);
        } else if (job->read_only && !job->own.restarted && !job->own.cancelled && !p->closing) {
            job->own.next = retry; /* newest first, so that pushing to the front restores the order */
            retry = job;
        } else {
            set_lost(&err, job);
            end_job(job, &err);
        }
    }
    while (retry) {
        rh_job *job = retry;
        retry = job->own.next;
        restart(p, job);
    }
    if (p->closing)
        return;
    /* not in this turn of the loop: when the server went away, the other connections' ends are still to be
     * noticed */
    uv_timer_start(&p->later, on_later, 1, 0);
}

static void on_send(uv_timer_t *t)
{
    rh_pool *p = t->data;
    for (int i = 0; i < p->n_conns; i++)
        rh_conn_flush(p->conns[i]);
}

/* Until the loop comes round there may be more. */
static void on_unsent(rh_conn *c, void *ctx)
{
    rh_pool *p = ctx;
    if (!uv_is_active((uv_handle_t *)&p->send))
        uv_timer_start(&p->send, on_send, 0, 0);
}

/* ---- closing ---- */

static void finish_closing(rh_pool *p)
{
    void (*on_closed)(void *) = p->on_closed;
    void *arg = p->closed_arg;
    for (int i = 0; i < p->n_conns; i++)
        rh_conn_free(p->conns[i]);
    rh_pace_free(p->pace);
    free(p->conns);
    free((char *)p->settings.conninfo);
    free((char *)p->settings.database);
    free((char *)p->settings.user);
    free((char *)p->settings.password);
    free((char *)p->settings.options);
    free(p);
    on_closed(arg);
}

static void on_handle_closed(uv_handle_t *h)
{
    rh_pool *p = h->data;
    if (--p->handles == 0)
        finish_closing(p);
}

static void on_conn_closed(rh_conn *c, void *ctx)
{
    rh_pool *p = ctx;
    if (--p->n_open > 0)
        return;
    uv_close((uv_handle_t *)&p->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&p->later, on_handle_closed);
    uv_close((uv_handle_t *)&p->send, on_handle_closed);
}

static void end_as_cancelled(rh_job *jobs)
{
    rh_err err;
    for (rh_job *job = jobs, *next; job; job = next) {
        next = job->own.next;
        rh_pool_cancelled(&err);
        end_job(job, &err);
    }
}

static void end_cancelled(rh_pool *p)
{
    if (!p->any_cancelled)
        return;
    p->any_cancelled = false;
    for (int i = 0; i < p->n_conns; i++)
        end_as_cancelled(rh_conn_cancel(p->conns[i]));
    end_as_cancelled(take_cancelled(p));
}

/* What stands behind a job that may take its time goes elsewhere. */
static void free_from_kept(rh_pool *p)
{
    if (!p->any_kept)
        return;
    p->any_kept = false;
    for (int i = 0; i < p->n_conns; i++)
        for (rh_job *job = rh_conn_clear_behind(p->conns[i]), *next; job; job = next) {
            next = job->own.next;
            put_back(p, job);
        }
}

static void on_later(uv_timer_t *t)
{
    rh_pool *p = t->data;
    rh_err why;
    if (!p->closing) {
        end_cancelled(p);
        free_from_kept(p);
        dispatch(p);
        tell_idle(p);
        return;
    }
    rh_err_set(&why, RH_E_UNAVAILABLE, "the server is stopping");
    refuse_queue(p);
    for (int i = 0; i < p->n_conns; i++)
        rh_conn_close(p->conns[i], &why);
}

void rh_pool_close(rh_pool *p, void (*on_closed)(void *arg), void *arg)
{
    p->closing = true;
    p->on_closed = on_closed;
    p->closed_arg = arg;
    rh_health_leave(&p->listener);
    uv_timer_stop(&p->sweep);
    uv_timer_start(&p->later, on_later, 0, 0);
}

/* ---- a server that does not answer ---- */

/* Nothing that waits for it has anything to wait for. */
static void on_away(void *arg)
{
    rh_pool *p = arg;
    rh_err why;
    rh_err_set(&why, RH_E_UNAVAILABLE, "the server does not answer");
    p->down = true;
    for (int i = 0; i < p->n_conns; i++)
        rh_conn_drop(p->conns[i], &why);
    refuse_queue(p);
}

/* ---- deadlines ---- */

/* Marks the jobs of a pipeline that are past their deadline: on_lost ends them and sends the others again. */
static bool mark_expired(rh_job *jobs, int64_t now)
{
    bool any = false;
    for (; jobs; jobs = jobs->own.next)
        any |= jobs->own.expired = jobs->own.deadline_ms <= now;
    return any;
}

static void on_sweep(uv_timer_t *t)
{
    rh_pool *p = t->data;
    rh_err err, why;
    int64_t now = rh_now_ms();
    rh_err_set(&why, RH_E_TIMEOUT, "a request was past its deadline");
    while (p->first && p->first->own.deadline_ms <= now) {
        set_timeout(&err, p->first, false);
        end_job(pop(p), &err);
    }
    for (int i = 0; i < p->n_conns; i++)
        if (mark_expired(rh_conn_jobs(p->conns[i]), now))
            rh_conn_drop(p->conns[i], &why);
        else if (rh_conn_jobs(p->conns[i]) && !rh_conn_is_paused(p->conns[i]) &&
                 rh_now_us() - rh_conn_head_since(p->conns[i]) > SUSPECT_US)
            suspect(p);
    if (rh_pool_is_idle(p))
        uv_timer_stop(&p->sweep);
    tell_idle(p);
}

/* ---- the callers' side ---- */

static const rh_conn_events events = {on_up, on_dial_failed, on_job, on_lost, on_unsent, on_conn_closed};

static void or_default(int *value, int otherwise)
{
    if (*value <= 0)
        *value = otherwise;
}

rh_pool *rh_pool_new(uv_loop_t *loop, const rh_pool_settings *settings)
{
    rh_pool *p = rh_xcalloc(1, sizeof *p);
    rh_pool_settings *s = &p->settings;
    p->loop = loop;
    *s = *settings;
    s->conninfo = rh_xstrdup(s->conninfo);
    s->database = rh_xstrdup(s->database);
    s->user = rh_xstrdup(s->user);
    s->password = rh_xstrdup(s->password);
    s->options = rh_xstrdup(s->options);
    or_default(&s->connections, 1);
    or_default(&s->max_depth, s->enter ? 1 : 8);
    or_default(&s->max_queue, 1024);
    or_default(&s->max_statements, 1024);
    or_default(&s->connect_timeout_s, 5);
    if (s->max_head_age_us <= 0)
        s->max_head_age_us = 2000;
    p->pace = rh_pace_new(s->connections > 2 ? PACED_STATEMENTS : PACED_FEW);
    p->handles = 3;
    p->listener = (rh_health_listener){.on_away = on_away, .arg = p};
    if (s->health)
        rh_health_join(s->health, &p->listener);
    uv_timer_init(loop, &p->sweep);
    uv_timer_init(loop, &p->later);
    uv_timer_init(loop, &p->send);
    p->sweep.data = p->later.data = p->send.data = p;
    p->n_conns = p->n_open = s->connections;
    p->conns = rh_xcalloc((size_t)p->n_conns, sizeof(rh_conn *));
    for (int i = 0; i < p->n_conns; i++)
        p->conns[i] = rh_conn_open(loop, s, &events, p, &p->counters);
    return p;
}

void rh_pool_grow(rh_pool *p)
{
    rh_conn **conns = rh_xcalloc((size_t)p->n_conns + 1, sizeof *conns);
    memcpy(conns, p->conns, (size_t)p->n_conns * sizeof *conns);
    free(p->conns);
    p->conns = conns;
    p->conns[p->n_conns++] = rh_conn_open(p->loop, &p->settings, &events, p, &p->counters);
    p->n_open++;
}

static bool check_job(const rh_pool *p, const rh_job *job, rh_err *err)
{
    if (!job->tenant || job->n_statements < 1 || job->n_statements > RH_JOB_MAX_STATEMENTS)
        return rh_err_set(err, RH_E_INTERNAL, "a job without tenant or statement");
    for (int i = 0; i < job->n_statements; i++)
        if (job->statements[i].n > MAX_PARAMETERS)
            return rh_err_set(err, RH_E_TOO_LARGE, "the request holds more than %d values", MAX_PARAMETERS);
    if (p->closing || p->down) {
        set_unavailable(err);
        return false;
    }
    if (p->n_queued >= p->settings.max_queue) {
        rh_err_set(err, RH_E_OVERLOADED, "too many requests are waiting for the database");
        return rh_err_hint(err, "Try again in a moment.");
    }
    return true;
}

bool rh_pool_submit(rh_pool *p, rh_job *job, rh_err *err)
{
    if (!check_job(p, job, err))
        return false;
    p->stats.submitted++;
    job->own.pool = p;
    job->own.conn = NULL;
    job->own.turn = p->stats.submitted;
    int64_t time_ms = job->deadline_ms ? job->deadline_ms : p->settings.deadline_ms;
    job->own.deadline_ms = p->settings.deadline_ms ? rh_now_ms() + time_ms : INT64_MAX;
    if (p->settings.deadline_ms && !uv_is_active((uv_handle_t *)&p->sweep))
        uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    for (int i = 0; i < job->n_statements; i++)
        if (!job->own.shapes[i]) /* pg/queue.c may know it already */
            job->own.shapes[i] =
                rh_pace_shape(job->statements[i].text, job->statements[i].text_len, job->schema);
    push_back(p, job);
    dispatch(p);
    return true;
}

void rh_pool_cancel(rh_pool *p, rh_job *job)
{
    job->own.cancelled = p->any_cancelled = true;
    uv_timer_start(&p->later, on_later, 0, 0);
}

int64_t rh_job_runs_us(const rh_job *job)
{
    const rh_conn *c = job->own.conn;
    return c && rh_conn_jobs(c) == job ? rh_now_us() - rh_conn_head_since(c) : 0;
}

/* ---- large answers ---- */

void rh_job_keep(rh_job *job)
{
    rh_pool *p = job->own.pool;
    job->own.kept = job->own.restarted = p->any_kept = true;
    job->own.deadline_ms = INT64_MAX;
    uv_timer_start(&p->later, on_later, 0, 0);
}

bool rh_job_pause(rh_job *job)
{
    const rh_pool *p = job->own.pool;
    int paused = 0;
    for (int i = 0; i < p->n_conns; i++)
        paused += rh_conn_is_paused(p->conns[i]);
    if (p->closing || job->own.cancelled || (paused > 0 && paused >= p->n_conns / 2))
        return false;
    rh_conn_pause(job->own.conn, true);
    return true;
}

void rh_job_resume(rh_job *job)
{
    rh_conn_pause(job->own.conn, false);
}

/* ---- loads ---- */

bool rh_job_is_hungry(const rh_job *job)
{
    return job->own.feeding && job->own.primed && !job->own.error && !job->own.cancelled &&
           job->own.n_fed < RH_JOB_MAX_FED;
}

void rh_job_feed(rh_job *job, const rh_pool_batch *batch)
{
    rh_conn_feed(job->own.conn, batch);
}

void rh_job_fed(rh_job *job)
{
    rh_conn_end_feeding(job->own.conn);
}

void rh_job_forgo(rh_job *job)
{
    if (job->own.feeding)
        rh_conn_forgo(job->own.conn);
}

void rh_pool_stats_read(const rh_pool *p, rh_pool_stats *out)
{
    *out = p->stats;
    out->connections = p->n_conns;
    out->in_flight = p->n_flying;
    out->queued = p->n_queued;
    out->dialed = p->counters.dialed;
    out->shared = p->counters.shared;
    out->statements = p->counters.statements;
    out->prepared = p->counters.prepared;
    out->unprepared = p->counters.unprepared;
    out->evicted = p->counters.evicted;
    out->cancels = p->counters.cancels;
    out->renewed = p->counters.renewed;
    for (int i = 0; i < p->n_conns; i++) {
        out->alive += rh_conn_is_up(p->conns[i]);
        out->idle += rh_conn_takes_jobs(p->conns[i]) && rh_conn_depth(p->conns[i]) == 0;
    }
}

void rh_pool_stats_add(rh_pool_stats *sum, const rh_pool_stats *more)
{
#define X(name) sum->name += more->name;
    RH_POOL_NOW(X)
    RH_POOL_COUNTERS(X)
#undef X
    if (more->deepest > sum->deepest)
        sum->deepest = more->deepest;
}
