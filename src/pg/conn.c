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
 *
 * What a job puts into the pipeline, in this order; results come back in the same one:
 *   (FIRST) (RESET) BIND  [DEALLOCATE*  (PREPARE)  STATEMENT]+  (ROLLBACK) SYNC
 * one that is fed (pg/pool.h)
 *   (FIRST) (RESET) BIND  [.. STATEMENT]*  flush  ([DEALLOCATE* (PREPARE) STATEMENT] flush)*  [.. STATEMENT]*
 *       (ROLLBACK) SYNC
 * reads that share a transaction, the Sync being a step of the last one's
 *   BIND STATEMENT+  (BIND STATEMENT+)*  SYNC
 * and at a Citus coordinator
 *   BEGIN (FIRST) (RESET) BIND  [DEALLOCATE*  (PREPARE)  STATEMENT]+  SYNC  END  SYNC
 * where FIRST is the job's own (job->begin) and END is COMMIT or ROLLBACK: it comes to pass whatever failed
 * before it, so no transaction is left open.
 */
#include "pg/conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sabotage.h"
#include "pg/db.h"
#include "pg/literal.h"
#include "pg/stmt.h"
#include "pg/weight.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 1000
#define CANCEL_AGAIN_MS 100
#define WORK_US 200            /* on rows of an answer that is being sent, before it may have to rest */
#define MAX_SHARED_VALUES 2048 /* bytes of a job that shares its transaction */
#define MAX_USED 8             /* sessions that one job finds used, before it fails */
#define MAX_EVICTIONS 4        /* statements that leave for one: RH_JOB_MAX_STEPS has room for them */

#define SET_TENANT "pg_catalog.set_config('rowhouse.tenant', $1, true)"
#define SET_TENANT_FOR_GOOD                                                                                  \
    "pg_catalog.set_config('rowhouse.tenant', $1, false)" /* what a leak begins with */
#define SET_READ_ONLY ", pg_catalog.set_config('transaction_read_only', 'on', true)"
#define SET_TIMEOUT ", pg_catalog.set_config('statement_timeout', $2, true)"
#define ENTER "rowhouse.enter($1)"
/* of a write and a read, and of each with a time of its own */
#define PREPARE_BINDS(write, read)                                                                           \
    "PREPARE rh_bind_write(text) AS SELECT " write ";PREPARE rh_bind_read(text) AS SELECT " read             \
    ";PREPARE rh_bind_write_timed(text, text) AS SELECT " write SET_TIMEOUT                                  \
    ";PREPARE rh_bind_read_timed(text, text) AS SELECT " read SET_TIMEOUT                                    \
    ";SHOW default_transaction_isolation"

#ifdef RH_HAVE_SEND_PIPELINE_SYNC
#define SENDS_LATER true
#else /* libpq sends at every sync */
#define SENDS_LATER false
#define PQsendPipelineSync PQpipelineSync
#endif

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
    struct dial *dial;
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

static void on_dialed(uv_work_t *work, int status);

static void set_state(rh_conn *c, enum conn_state state)
{
    static const char *const names[] = {"dialing", "up", "waiting", "closed"};
    rh_log(RH_LOG_DEBUG, "connection %s -> %s, backend %d", names[c->state], names[state],
           c->pg ? PQbackendPID(c->pg) : 0);
    c->state = state;
}

/* ---- dialing ---- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Why a connection is of no use, for the log: libpq has not always something to say. */
static void describe(rh_err *err, const PGconn *pg)
{
    rh_db_error(err, pg, NULL);
    err->code = RH_E_UNAVAILABLE;
    if (!err->message[0])
        snprintf(err->message, sizeof err->message, "the connection ended");
}

/* Also asks whether reads may share a transaction: in a serializable one what they have seen counts after its
 * end only, and an error behind them would take that away. */
static bool prepare_binds(PGconn *pg, bool enter, bool *may_share, rh_err *err)
{
    PGresult *res =
        PQexec(pg, enter                     ? PREPARE_BINDS(ENTER, ENTER)
                   : rh_sabotaged("binding") ? PREPARE_BINDS(SET_TENANT_FOR_GOOD, SET_TENANT_FOR_GOOD)
                                             : PREPARE_BINDS(SET_TENANT, SET_TENANT SET_READ_ONLY));
    bool ok = PQresultStatus(res) == PGRES_TUPLES_OK;
    if (ok)
        *may_share = !enter && strcmp(PQgetvalue(res, 0, 0), "serializable") != 0;
    else
        rh_db_error(err, pg, res);
    PQclear(res);
    return ok;
}

static PGconn *connect_with(const rh_pool_settings *s, const char *options)
{
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", s->connect_timeout_s);
    /* the first dbname is expanded as a conninfo, which overrides what stands before and yields to what
     * follows. A network that is cut while an answer is owed is found out in 15 s. */
    const char *keys[] = {"connect_timeout",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          "dbname",
                          "dbname",
                          "user",
                          "password",
                          "options",
                          "client_encoding",
                          "fallback_application_name",
                          NULL};
    const char *values[] = {timeout,     "15000", "15",   s->conninfo, s->database, s->user,
                            s->password, options, "UTF8", "rowhouse",  NULL};
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    PQsetNoticeProcessor(pg, ignore_notice, NULL);
    return pg;
}

/* Dates are read as ISO 8601, whatever the database's own style; the order of day and month in what it reads
 * itself stays its own. As a startup option it outlives RESET ALL. */
static PGconn *ensure_iso_dates(PGconn *pg, const rh_pool_settings *s)
{
    char options[1024];
    const char *style = PQparameterStatus(pg, "DateStyle"), *order = style ? strchr(style, ',') : NULL;
    if (PQstatus(pg) != CONNECTION_OK || !style || strncmp(style, "ISO", 3) == 0)
        return pg;
    snprintf(options, sizeof options, "%s -c DateStyle=ISO%s%s", s->options ? s->options : "",
             order ? "," : "", order ? order + 1 + strspn(order + 1, " ") : "");
    PQfinish(pg);
    return connect_with(s, options);
}

/* On a helper thread. */
static void dial_work(uv_work_t *work)
{
    struct dial *d = work->data;
    const rh_pool_settings *s = d->conn->settings;
    PGconn *pg = ensure_iso_dates(connect_with(s, s->options), s);
    if (PQstatus(pg) == CONNECTION_OK && prepare_binds(pg, s->enter, &d->may_share, &d->err) &&
        PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg)) {
        d->pg = pg;
        return;
    }
    describe(&d->err, pg);
    PQfinish(pg);
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
static void cancel_head(rh_conn *c);
static void on_poll(uv_poll_t *poll, int status, int events);

static void on_poll_closed(uv_handle_t *h)
{
    rh_conn *c = h->data;
    free(h);
    handle_closed(c);
}

static void watch(rh_conn *c, int events)
{
    if (events == 0)
        uv_poll_stop(c->poll);
    else if (c->watched != events)
        uv_poll_start(c->poll, events, on_poll);
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
    watch(c, UV_READABLE);
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

static void replace(rh_conn *c);

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
        replace(c);
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

/* The connection has no jobs, and is wanted no more. */
static void replace(rh_conn *c)
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

static void lose(rh_conn *c, const rh_err *why)
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
        describe(&err, c->pg);
        lose(c, &err);
    } else if (c->state == UP) {
        cancel_head(c);
    }
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

static bool has_sync(const rh_job *job)
{
    return job->own.n_steps && job->own.steps[job->own.n_steps - 1].kind == STEP_SYNC;
}

/* The head was cancelled, or one that shares its transaction: PostgreSQL may be at any of them, since it
 * answers them together. */
static bool wants_cancel(const rh_conn *c)
{
    const rh_job *job = c->head;
    while (job && !job->own.cancelled && job->own.shares && !has_sync(job))
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

static void cancel_head(rh_conn *c)
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

/* ---- sending ---- */

static bool add_step(rh_job *job, enum step_kind kind, int statement, rh_stmt *stmt, int sent)
{
    if (!sent)
        return false;
    job->own.steps[job->own.n_steps++] = (struct rh_job_step){(uint8_t)kind, (uint8_t)statement, stmt};
    return true;
}

static bool send_deallocate(rh_conn *c, rh_job *job, const char *name)
{
    char text[40];
    snprintf(text, sizeof text, "DEALLOCATE %s", name);
    c->counters->evicted++;
    return add_step(job, STEP_DEALLOCATE, 0, NULL,
                    PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL, 0));
}

/* Prepares s, as statement i, unless it is. *use: what it will run as, NULL where it is sent as text. */
static bool send_preparation(rh_conn *c, rh_job *job, int i, const rh_pool_statement *s, rh_stmt **use)
{
    char leaves[16];
    *use = rh_stmts_find(c->stmts, s->text, s->text_len);
    if (*use && (*use)->state == RH_STMT_READY)
        return true;
    rh_weight_note(c->weight, job->home, job->relations, s->text_len);
    if (*use) {
        *use = NULL; /* a neighbour's, which may still fail */
        return true;
    }
    for (int n = 0; n < MAX_EVICTIONS && rh_stmts_evict(c->stmts, s->text_len, leaves); n++)
        if (!send_deallocate(c, job, leaves))
            return false;
    *use = rh_stmts_add(c->stmts, s->text, s->text_len);
    if (!*use)
        return true;
    c->counters->prepared++;
    return add_step(job, STEP_PREPARE, i, *use, PQsendPrepare(c->pg, (*use)->name, s->text, 0, NULL));
}

/* As statement i of the job. */
static bool send_as(rh_conn *c, rh_job *job, int i, const rh_pool_batch *b)
{
    const rh_pool_statement *s = &b->statement;
    rh_stmt *stmt;
    if (!send_preparation(c, job, i, s, &stmt))
        return false;
    c->counters->statements++;
    c->counters->unprepared += !stmt;
    int sent = stmt ? PQsendQueryPrepared(c->pg, stmt->name, s->n, s->values, b->lengths, b->formats, 0)
                    : PQsendQueryParams(c->pg, s->text, s->n, NULL, s->values, b->lengths, b->formats, 0);
    return add_step(job, STEP_STATEMENT, i, NULL, sent);
}

static bool send_statement(rh_conn *c, rh_job *job, int i)
{
    rh_pool_batch text = {.statement = job->statements[i]};
    return send_as(c, job, i, &text);
}

static bool send_text(rh_conn *c, rh_job *job, enum step_kind kind, const char *text)
{
    return add_step(job, kind, 0, NULL, PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL, 0));
}

/* follows: in the transaction of a read, which is read-only until its end. */
static bool send_bind(rh_conn *c, rh_job *job, bool follows)
{
    bool enter = c->settings->enter;
    const char *timed = job->statement_timeout;
    const char *values[] = {job->tenant, timed};
    const char *bind = job->read_only && !follows ? timed ? "rh_bind_read_timed" : "rh_bind_read"
                       : timed                    ? "rh_bind_write_timed"
                                                  : "rh_bind_write";
    if ((enter && !send_text(c, job, STEP_BEGIN, job->read_only ? "BEGIN READ ONLY" : "BEGIN")) ||
        (job->begin && !send_text(c, job, STEP_FIRST, job->begin)) ||
        (c->settings->reset && !send_text(c, job, STEP_RESET, "RESET ALL")))
        return false;
    return add_step(job, STEP_BIND, 0, NULL,
                    PQsendQueryPrepared(c->pg, bind, timed ? 2 : 1, values, NULL, NULL, 0));
}

static bool send_end(rh_conn *c, rh_job *job)
{
    bool rollback = job->rollback || job->own.forgone;
    if (c->settings->enter && !(add_step(job, STEP_SYNC, 0, NULL, PQsendPipelineSync(c->pg)) &&
                                send_text(c, job, STEP_END, rollback ? "ROLLBACK" : "COMMIT")))
        return false;
    if (!c->settings->enter && rollback && !send_text(c, job, STEP_ROLLBACK, "ROLLBACK"))
        return false;
    return add_step(job, STEP_SYNC, 0, NULL, PQsendPipelineSync(c->pg));
}

/* A send failed: lost, but not inside the caller's call. libpq may have closed the socket already. */
static void break_down(rh_conn *c)
{
    c->broken = true;
    watch(c, 0);
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

/* The whole job as one message: PostgreSQL runs its statements as one implicit transaction, as it does with
 * what stands before a Sync. COPY is for this protocol only, and takes no parameters. */
static bool write_copy(rh_str *text, const rh_job *job)
{
    rh_str_add(text, "SELECT pg_catalog.set_config('rowhouse.tenant', ");
    rh_str_add_literal(text, job->tenant);
    rh_str_add(text, ", true)" SET_READ_ONLY);
    if (job->statement_timeout) {
        rh_str_add(text, ", pg_catalog.set_config('statement_timeout', ");
        rh_str_add_literal(text, job->statement_timeout);
        rh_str_add(text, ", true)");
    }
    for (int i = 0; i < job->n_statements; i++) {
        const rh_pool_statement *s = &job->statements[i];
        rh_str_add(text, i == job->main ? ";COPY (" : ";");
        if (!rh_literal_all(text, s->text, s->text_len, s->n, s->values))
            return false;
    }
    rh_str_add(text, ") TO STDOUT (FORMAT csv)");
    return !text->overflow;
}

static bool may_copy(const rh_conn *c, const rh_job *job)
{
    return job->on_copy && job->read_only && !job->rollback && !job->begin && !c->head->own.next &&
           !c->settings->enter && !c->settings->reset && job->main == job->n_statements - 1 &&
           !rh_sabotaged("binding");
}

/* False: nothing was sent. A failure to send shows as a broken connection. */
static bool send_copy(rh_conn *c, rh_job *job)
{
    rh_str text;
    rh_str_init(&text, RH_STR_TEXT_MAX);
    bool ok = may_copy(c, job) && write_copy(&text, job) && PQexitPipelineMode(c->pg);
    if (ok) {
        job->own.copies = true;
        if (!PQsendQuery(c->pg, rh_str_cstr(&text)))
            break_down(c);
    }
    rh_str_release(&text);
    return ok;
}

/* shares: the Sync is sent later (close_shared()). */
static bool send_all(rh_conn *c, rh_job *job, bool shares, bool follows)
{
    if (send_copy(c, job))
        return true;
    bool bound = rh_sabotaged("binding") && rh_stmts_count(c->stmts) > 0;
    if (!bound && !send_bind(c, job, follows))
        return false;
    int n = job->on_hungry ? job->main : job->n_statements;
    for (int i = 0; i < n; i++)
        if (!send_statement(c, job, i))
            return false;
    return shares || (job->on_hungry ? PQsendFlushRequest(c->pg) : send_end(c, job));
}

/* ---- shared transactions ---- */

/* All that it sends is small and was prepared before. */
static bool is_small(const rh_conn *c, const rh_job *job)
{
    size_t n = 0;
    for (int i = 0; i < job->n_statements; i++) {
        const rh_pool_statement *s = &job->statements[i];
        const rh_stmt *stmt = rh_stmts_find(c->stmts, s->text, s->text_len);
        if (!stmt || stmt->state != RH_STMT_READY)
            return false;
        for (int k = 0; k < s->n; k++)
            n += s->values[k] ? strlen(s->values[k]) : 0;
    }
    return n <= MAX_SHARED_VALUES;
}

/* One with a time of its own would answer for those behind it, for whom PostgreSQL keeps its rows back. */
static bool may_share(const rh_conn *c, const rh_job *job)
{
    return c->may_share && job->own.shares && job->read_only && !job->rollback && !job->begin &&
           !job->statement_timeout && !job->on_copy && !job->on_hungry && is_small(c, job);
}

/* It reads the same as the last job, whose transaction is open. */
static bool may_follow(const rh_conn *c, const rh_job *job)
{
    return c->open && c->tail->shares == job->shares && c->tail->home == job->home;
}

/* The Sync of a shared transaction, if one is open: before anything that comes is read, since its answer is a
 * step of the last job's. */
static bool close_shared(rh_conn *c)
{
    bool was_open = c->open;
    c->open = false;
    return !was_open || add_step(c->tail, STEP_SYNC, 0, NULL, PQsendPipelineSync(c->pg));
}

/* The µs of a job that shares its transaction: their answers come together, so each has an equal part, and
 * what it took beyond that. */
static int64_t time_of_sharing(rh_conn *c, const rh_job *job, int64_t took_us)
{
    if (c->n_sharing > 0) {
        c->n_sharing--;
        return c->each_us + took_us;
    }
    const rh_job *last = job;
    int n = 1;
    for (; !has_sync(last) && last->own.next; last = last->own.next)
        n++;
    c->n_sharing = n - 1;
    return c->each_us = took_us / n;
}

static void flush(rh_conn *c)
{
    c->unsent = false;
    int left = close_shared(c) ? PQflush(c->pg) : -1;
    if (left < 0)
        break_down(c);
    else
        watch(c, (c->paused || c->rests ? 0 : UV_READABLE) | (left > 0 ? UV_WRITABLE : 0));
}

/* ---- jobs that are fed ---- */

static void begin_feeding(rh_job *job)
{
    job->own.kept = job->own.feeding = true;
    job->own.primed = job->own.forgone = false;
    job->own.n_fed = 0;
    job->own.n_affected = job->own.n_done = 0;
    job->own.fed_since_us = 0;
}

/* All that was sent was answered: what comes next is the caller's turn. */
static bool is_drained(const rh_job *job)
{
    return job->own.feeding && job->own.step == job->own.n_steps;
}

/* In PostgreSQL from now on, or no more. */
static void note_fed(rh_job *job, bool there)
{
    int64_t now = rh_now_us();
    if (there && !job->own.fed_since_us)
        job->own.fed_since_us = now;
    if (there || !job->own.fed_since_us)
        return;
    job->own.fed_us += now - job->own.fed_since_us;
    job->own.fed_since_us = 0;
}

/* Steps that are done with make room. */
static void drop_steps(rh_job *job)
{
    job->own.n_steps -= job->own.step;
    memmove(job->own.steps, job->own.steps + job->own.step,
            (size_t)job->own.n_steps * sizeof *job->own.steps);
    job->own.step = 0;
}

/* What else the job has to send, then its end. `all`: nothing went wrong. */
static void stop_feeding(rh_conn *c, rh_job *job, bool all)
{
    bool ok = true;
    drop_steps(job);
    job->own.feeding = false;
    note_fed(job, true);
    for (int i = job->main + 1; all && ok && i < job->n_statements; i++)
        ok = send_statement(c, job, i);
    if (!ok || !send_end(c, job))
        break_down(c);
    else
        flush(c);
}

void rh_conn_feed(rh_conn *c, const rh_pool_batch *batch)
{
    rh_job *job = c->head;
    drop_steps(job);
    job->own.restarted = true; /* what was fed is nobody's any more */
    job->own.n_fed++;
    note_fed(job, true);
    if (c->broken || !send_as(c, job, job->main, batch) || !PQsendFlushRequest(c->pg))
        break_down(c);
    else
        flush(c);
}

void rh_conn_end_feeding(rh_conn *c)
{
    if (!c->broken)
        stop_feeding(c, c->head, true);
}

void rh_conn_forgo(rh_conn *c)
{
    rh_job *job = c->head;
    if (c->state != UP || c->broken || !job || !job->own.feeding)
        return;
    job->own.forgone = true;
    stop_feeding(c, job, false);
}

void rh_conn_send(rh_conn *c, rh_job *job)
{
    job->own.next = NULL;
    job->own.conn = c;
    job->own.n_steps = job->own.step = 0;
    job->own.affected[0] = 0;
    job->own.again = job->own.copies = job->own.copying = job->own.skipped = false;
    bool shares = may_share(c, job);
    bool follows = shares && may_follow(c, job);
    bool ok = follows || close_shared(c);
    c->counters->shared += follows;
    if (job->on_hungry)
        begin_feeding(job);
    if (c->tail)
        c->tail->own.next = job;
    else {
        c->head = job;
        c->head_since = rh_now_us();
    }
    c->tail = job;
    c->depth++;
    c->open = shares;
    if (!ok || !send_all(c, job, shares, follows)) {
        break_down(c);
    } else if (!SENDS_LATER && !shares) {
        flush(c);
    } else if (!c->unsent) {
        c->unsent = true;
        c->events->on_unsent(c, c->ctx);
    }
}

void rh_conn_flush(rh_conn *c)
{
    bool due = c->unsent && c->state == UP && !c->broken;
    c->unsent = false; /* what a connection took with it is not the next one's */
    if (due)
        flush(c);
}

/* ---- results ---- */

static bool is_state(const PGresult *res, const char *sqlstate)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return state && strcmp(state, sqlstate) == 0;
}

/* The statement's plan or name is gone from under us. It failed at Bind, and what stood before it in the same
 * transaction was rolled back, so the job may be sent again whatever it does. */
static bool is_stale_statement(const PGresult *res)
{
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    return is_state(res, "26000") ||
           (is_state(res, "0A000") && function && strcmp(function, "RevalidateCachedQuery") == 0);
}

/* The connection does not outlive this error. */
static bool is_fatal(const rh_conn *c, const PGresult *res)
{
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!severity)
        return PQstatus(c->pg) == CONNECTION_BAD;
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

/* The job met what another job has left behind: a statement_timeout so short that it did not even get to put
 * the settings back, or what its first statement found. What that one quotes of a client's words stands in
 * errors of other states. */
static bool is_used(const rh_conn *c, const rh_job *job, const PGresult *res)
{
    const struct rh_job_step *step = &job->own.steps[job->own.step];
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (!c->settings->reset)
        return false;
    if (step->kind == STEP_FIRST || step->kind == STEP_RESET)
        return is_state(res, "57014") && !c->cancelled;
    return step->kind == STEP_STATEMENT && step->statement == 0 && is_state(res, "22P02") && message &&
           strstr(message, RH_POOL_USED);
}

static void forget_unprepared(rh_conn *c, rh_job *job)
{
    struct rh_job_step *step = &job->own.steps[job->own.step];
    if (!job->own.copies && step->kind == STEP_PREPARE && step->stmt) {
        rh_stmts_forget(c->stmts, step->stmt);
        step->stmt = NULL;
    }
}

static void free_stand_in(rh_job *job, const char *affected, const rh_err *err)
{
    (void)affected, (void)err;
    free(job);
}

/* False: the connection is lost. */
static bool take_error(rh_conn *c, rh_job *job, const PGresult *res)
{
    if (is_fatal(c, res))
        return false;
    forget_unprepared(c, job);
    if (job->own.error)
        return true; /* the first error is the cause */
    job->own.error = rh_xmalloc(sizeof *job->own.error);
    rh_db_error(job->own.error, c->pg, res);
    bool used = is_used(c, job, res);
    job->own.again = is_stale_statement(res) || (used && job->own.used < MAX_USED);
    job->own.restarted = job->own.restarted && !used;
    job->own.used += used;
    if (job->own.again || used || is_state(res, "RH001"))
        c->doomed = true;
    if (c->cancelled && !job->own.cancelled && !job->own.kept && job->on_done != free_stand_in &&
        is_state(res, "57014")) { /* meant for a neighbour */
        job->own.again = true;
        job->own.restarted = false; /* a job's own second try does not count for it */
    }
    return true;
}

static void take_rows(rh_job *job, const PGresult *res)
{
    const struct rh_job_step *step = &job->own.steps[job->own.step];
    int64_t n;
    if (PQresultStatus(res) != PGRES_SINGLE_TUPLE && step->statement == job->main)
        snprintf(job->own.affected, sizeof job->own.affected, "%s", PQcmdTuples((PGresult *)res));
    if (job->on_hungry && step->statement == job->main && rh_parse_int(job->own.affected, &n)) {
        job->own.n_done++;
        job->own.n_affected += n;
        snprintf(job->own.affected, sizeof job->own.affected, "%lld", (long long)job->own.n_affected);
    }
    if (PQresultStatus(res) != PGRES_COMMAND_OK && job->on_rows)
        job->on_rows(job, step->statement, res);
}

static void end_head(rh_conn *c)
{
    rh_job *job = c->head;
    c->head = job->own.next;
    if (!c->head)
        c->tail = NULL;
    c->depth--;
    c->paused = false;
    int64_t now = rh_now_us();
    note_fed(job, false);
    job->own.took_us = job->on_hungry ? job->own.fed_us : now - c->head_since;
    if (job->own.shares && !job->own.kept)
        job->own.took_us = time_of_sharing(c, job, job->own.took_us);
    if (job->own.forgone && !job->own.error)
        rh_pool_cancelled(job->own.error = rh_xmalloc(sizeof *job->own.error));
    c->head_since = now;
    job->own.next = NULL;
    cancel_head(c);
    c->events->on_job(c, c->ctx, job);
}

/* One of a job that is fed has ended: only now libpq takes more, for what is sent behind an error before its
 * end is mistaken for it. */
static void note_step(rh_conn *c, rh_job *job, const struct rh_job_step *step)
{
    if (step->kind == STEP_STATEMENT && step->statement == job->main && --job->own.n_fed == 0 &&
        job->own.feeding)
        note_fed(job, false);
    job->own.primed |= is_drained(job);
    if (job->own.feeding && job->own.error)
        stop_feeding(c, job, false);
    if (rh_job_is_hungry(job))
        job->on_hungry(job);
}

/* The results of one command have ended: on to the next. */
static bool next_step(rh_conn *c, rh_job *job)
{
    if (job->own.steps[job->own.step].kind == STEP_SYNC)
        return ++c->odd_nulls < 3; /* after an error of the commit one NULL comes before the sync */
    const struct rh_job_step *step = &job->own.steps[job->own.step++];
    if (job->on_hungry)
        note_step(c, job, step);
    else if (job->own.step == job->own.n_steps) /* the Sync is another's */
        end_head(c);
    else if (step[1].kind == STEP_STATEMENT && !job->single_row)
        PQsetSingleRowMode(c->pg);
    return true;
}

/* One result, or the NULL that ends a command's. False: the connection is of no use any more. */
static bool take_result(rh_conn *c, PGresult *res)
{
    rh_job *job = c->head;
    struct rh_job_step *step = &job->own.steps[job->own.step];
    if (!res)
        return next_step(c, job);
    switch (PQresultStatus(res)) {
    case PGRES_FATAL_ERROR:
        return take_error(c, job, res);
    case PGRES_PIPELINE_ABORTED:
        job->own.skipped = !job->own.error && job->on_done != free_stand_in;
        forget_unprepared(c, job);
        return true;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        if (step->kind == STEP_PREPARE)
            rh_stmts_ready(c->stmts, step->stmt);
        else if (step->kind == STEP_STATEMENT)
            take_rows(job, res);
        return step->kind != STEP_SYNC;
    case PGRES_PIPELINE_SYNC:
        if (step->kind != STEP_SYNC)
            return false;
        c->odd_nulls = 0;
        if (job->own.step + 1 < job->own.n_steps)
            job->own.step++;
        else
            end_head(c);
        return true;
    default: /* COPY: no statement of ours begins one */
        return false;
    }
}

/* Lines, as many as are there. False: they have ended. */
static bool read_lines(rh_conn *c, rh_job *job)
{
    char *line;
    int n = 1;
    while (n > 0 && !c->paused && (n = PQgetCopyData(c->pg, &line, true)) > 0) {
        job->on_copy(job, line, (size_t)n);
        PQfreemem(line);
    }
    job->own.copying = n >= 0;
    return n >= 0;
}

static bool take_copy_result(rh_conn *c, rh_job *job, const PGresult *res)
{
    switch (PQresultStatus(res)) {
    case PGRES_FATAL_ERROR:
        return take_error(c, job, res);
    case PGRES_TUPLES_OK:
        if (job->own.step++ > 0 && job->on_rows) /* the first is the binding's */
            job->on_rows(job, job->own.step - 2, res);
        return true;
    case PGRES_COPY_OUT:
        job->own.copying = true;
        return true;
    case PGRES_COMMAND_OK:
        return true;
    default:
        return false;
    }
}

/* A job that copies: its binding and statements answer in turn, the last one with lines. False: the
 * connection is of no use any more. */
static bool read_copy(rh_conn *c, rh_job *job)
{
    while (!c->paused && !(job->own.copying && read_lines(c, job)) && !PQisBusy(c->pg)) {
        PGresult *res = PQgetResult(c->pg);
        if (!res) {
            bool ok = PQenterPipelineMode(c->pg);
            end_head(c);
            return ok;
        }
        bool ok = take_copy_result(c, job, res);
        PQclear(res);
        if (!ok)
            return false;
    }
    return true;
}

static bool read_results(rh_conn *c)
{
    while (c->head && !c->paused && !is_drained(c->head) && (c->head->own.copies || !PQisBusy(c->pg))) {
        if (c->head->own.copies) {
            const rh_job *job = c->head;
            if (!read_copy(c, c->head))
                return false;
            if (c->head == job)
                break;
            continue;
        }
        PGresult *res = PQgetResult(c->pg);
        bool ok = take_result(c, res);
        PQclear(res);
        if (!ok)
            return false;
    }
    return true;
}

/* What libpq has read already makes no event: being able to write does. */
static void read_on(rh_conn *c)
{
    watch(c, c->paused || c->rests ? 0 : UV_READABLE | UV_WRITABLE);
}

static void on_rested(uv_timer_t *t)
{
    rh_conn *c = t->data;
    c->rests = false;
    if (!c->broken)
        read_on(c);
}

/* The head has kept this thread at work since then. */
static void rest(rh_conn *c, int64_t since_us)
{
    rh_job *job = c->head;
    c->worked_us += rh_now_us() - since_us;
    if (c->worked_us < WORK_US)
        return;
    c->worked_us = 0;
    int ms = job->rest_ms(job);
    if (ms <= 0)
        return;
    c->rests = true;
    uv_timer_start(&c->rest, on_rested, (uint64_t)ms, 0);
}

static bool read_and_rest(rh_conn *c)
{
    const rh_job *job = c->head && c->head->own.kept && c->head->rest_ms ? c->head : NULL;
    int64_t since_us = job ? rh_now_us() : 0;
    bool ok = read_results(c);
    if (ok && job && c->head == job)
        rest(c, since_us);
    return ok;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    rh_conn *c = poll->data;
    rh_err err;
    bool ok = status == 0 && close_shared(c) && PQconsumeInput(c->pg); /* which sends, too */
    /* what had arrived before the end still counts */
    bool sound = read_and_rest(c) && ok && PQstatus(c->pg) == CONNECTION_OK;
    if (sound && !c->head && PQtransactionStatus(c->pg) != PQTRANS_IDLE) {
        rh_log(RH_LOG_ERROR, "a connection was left inside a transaction: closed");
        c->doomed = true;
    }
    if (!sound) {
        describe(&err, c->pg);
        lose(c, &err);
    } else if (c->doomed && !c->head) {
        replace(c);
    } else {
        flush(c);
    }
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
        if (job == c->head || !job->own.cancelled || !job->read_only || job->on_done == free_stand_in)
            continue;
        take_out(c, at);
        job->own.next = NULL;
        *out_end = job;
        out_end = &job->own.next;
    }
    if (c->head && c->head->own.cancelled)
        rh_conn_forgo(c);
    if (c->state == UP)
        cancel_head(c);
    return out;
}

rh_job *rh_conn_clear_behind(rh_conn *c)
{
    rh_job *out = NULL;
    if (!c->head || !c->head->own.kept)
        return NULL;
    for (rh_job **at = &c->head->own.next; *at; at = &(*at)->own.next)
        if ((*at)->read_only && (*at)->on_done != free_stand_in) {
            rh_job *job = take_out(c, at);
            job->own.next = out;
            out = job;
        }
    return out;
}

void rh_conn_pause(rh_conn *c, bool pause)
{
    if (c->state != UP || c->broken || c->paused == pause)
        return;
    c->paused = pause;
    read_on(c);
}

bool rh_conn_is_paused(const rh_conn *c)
{
    const rh_job *fed = c->head && c->head->own.feeding ? c->head : NULL;
    return c->state == UP && (c->paused || (fed && is_drained(fed)));
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
        lose(c, why);
}

void rh_conn_close(rh_conn *c, const rh_err *why)
{
    c->closing = true;
    if (c->state == UP)
        lose(c, why);
    else if (c->state == WAITING)
        finish_closing(c);
    if (c->dial)
        uv_cancel((uv_req_t *)&c->dial->work); /* fails when it has begun: then it ends by its timeout */
}

void rh_conn_free(rh_conn *c)
{
    free(c);
}
