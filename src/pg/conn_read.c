/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes back, in the order of conn_send.c's drawing: results and lines to the head, its errors, its end;
 * and when nothing is read.
 */
#include "pg/conn_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pg/db.h"
#include "pg/dial.h"

#define WORK_US 200 /* on rows of an answer that is being sent, before it may have to rest */
#define MAX_USED 8  /* sessions that one job finds used, before it fails */

/* ---- errors ---- */

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
    if (c->cancelled && !job->own.cancelled && !job->own.kept && !rh_conn_is_stand_in(job) &&
        is_state(res, "57014")) { /* meant for a neighbour */
        job->own.again = true;
        job->own.restarted = false; /* a job's own second try does not count for it */
    }
    return true;
}

/* ---- results ---- */

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
    for (; !rh_conn_has_sync(last) && last->own.next; last = last->own.next)
        n++;
    c->n_sharing = n - 1;
    return c->each_us = took_us / n;
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
    rh_conn_note_fed(job, false);
    job->own.took_us = job->on_hungry ? job->own.fed_us : now - c->head_since;
    if (job->own.shares && !job->own.kept)
        job->own.took_us = time_of_sharing(c, job, job->own.took_us);
    if (job->own.forgone && !job->own.error)
        rh_pool_cancelled(job->own.error = rh_xmalloc(sizeof *job->own.error));
    c->head_since = now;
    job->own.next = NULL;
    rh_conn_cancel_head(c);
    c->events->on_job(c, c->ctx, job);
}

/* All that was sent was answered: what comes next is the caller's turn. */
static bool is_drained(const rh_job *job)
{
    return job->own.feeding && job->own.step == job->own.n_steps;
}

/* One of a job that is fed has ended: only now libpq takes more, for what is sent behind an error before its
 * end is mistaken for it. */
static void note_step(rh_conn *c, rh_job *job, const struct rh_job_step *step)
{
    if (step->kind == STEP_STATEMENT && step->statement == job->main && --job->own.n_fed == 0 &&
        job->own.feeding)
        rh_conn_note_fed(job, false);
    job->own.primed |= is_drained(job);
    if (job->own.feeding && job->own.error)
        rh_conn_stop_feeding(c, job, false);
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
        job->own.skipped = !job->own.error && !rh_conn_is_stand_in(job);
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

/* ---- lines of COPY ---- */

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

/* ---- reading and resting ---- */

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
    rh_conn_watch(c, c->paused || c->rests ? 0 : UV_READABLE | UV_WRITABLE);
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

void rh_conn_on_poll(uv_poll_t *poll, int status, int events)
{
    rh_conn *c = poll->data;
    rh_err err;
    bool ok = status == 0 && rh_conn_close_shared(c) && PQconsumeInput(c->pg); /* which sends, too */
    /* what had arrived before the end still counts */
    bool sound = read_and_rest(c) && ok && PQstatus(c->pg) == CONNECTION_OK;
    if (sound && !c->head && PQtransactionStatus(c->pg) != PQTRANS_IDLE) {
        rh_log(RH_LOG_ERROR, "a connection was left inside a transaction: closed");
        c->doomed = true;
    }
    if (!sound) {
        rh_dial_describe(&err, c->pg);
        rh_conn_lose(c, &err);
    } else if (c->doomed && !c->head) {
        rh_conn_replace(c);
    } else {
        rh_conn_write_out(c);
    }
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
