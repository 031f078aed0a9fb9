/* SPDX-License-Identifier: Apache-2.0
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
#include "pg/conn_own.h"

#include <string.h>

#include "base/clock.h"
#include "base/sabotage.h"
#include "pg/dial.h"
#include "pg/literal.h"

#define MAX_SHARED_VALUES 2048 /* bytes of a job that shares its transaction */
#define MAX_EVICTIONS 4        /* statements that leave for one: RH_JOB_MAX_STEPS has room for them */

#ifdef RH_HAVE_SEND_PIPELINE_SYNC
#define SENDS_LATER true
#else /* libpq sends at every sync */
#define SENDS_LATER false
#define PQsendPipelineSync PQpipelineSync
#endif

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

/* The whole job as one message: PostgreSQL runs its statements as one implicit transaction, as it does with
 * what stands before a Sync. COPY is for this protocol only, and takes no parameters. */
static bool write_copy(rh_str *text, const rh_job *job)
{
    rh_str_add(text, "SELECT pg_catalog.set_config('rowhouse.tenant', ");
    rh_str_add_literal(text, job->tenant);
    rh_str_add(text, ", true)" RH_DIAL_SET_READ_ONLY);
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
            rh_conn_break_down(c);
    }
    rh_str_release(&text);
    return ok;
}

/* shares: the Sync is sent later (rh_conn_close_shared()). */
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

bool rh_conn_close_shared(rh_conn *c)
{
    bool was_open = c->open;
    c->open = false;
    return !was_open || add_step(c->tail, STEP_SYNC, 0, NULL, PQsendPipelineSync(c->pg));
}

void rh_conn_write_out(rh_conn *c)
{
    c->unsent = false;
    int left = rh_conn_close_shared(c) ? PQflush(c->pg) : -1;
    if (left < 0)
        rh_conn_break_down(c);
    else
        rh_conn_watch(c, (c->paused || c->rests ? 0 : UV_READABLE) | (left > 0 ? UV_WRITABLE : 0));
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

void rh_conn_note_fed(rh_job *job, bool there)
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

void rh_conn_stop_feeding(rh_conn *c, rh_job *job, bool all)
{
    bool ok = true;
    drop_steps(job);
    job->own.feeding = false;
    rh_conn_note_fed(job, true);
    for (int i = job->main + 1; all && ok && i < job->n_statements; i++)
        ok = send_statement(c, job, i);
    if (!ok || !send_end(c, job))
        rh_conn_break_down(c);
    else
        rh_conn_write_out(c);
}

void rh_conn_feed(rh_conn *c, const rh_pool_batch *batch)
{
    rh_job *job = c->head;
    drop_steps(job);
    job->own.restarted = true; /* what was fed is nobody's any more */
    job->own.n_fed++;
    rh_conn_note_fed(job, true);
    if (c->broken || !send_as(c, job, job->main, batch) || !PQsendFlushRequest(c->pg))
        rh_conn_break_down(c);
    else
        rh_conn_write_out(c);
}

void rh_conn_end_feeding(rh_conn *c)
{
    if (!c->broken)
        rh_conn_stop_feeding(c, c->head, true);
}

void rh_conn_forgo(rh_conn *c)
{
    rh_job *job = c->head;
    if (c->state != UP || c->broken || !job || !job->own.feeding)
        return;
    job->own.forgone = true;
    rh_conn_stop_feeding(c, job, false);
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
    bool ok = follows || rh_conn_close_shared(c);
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
        rh_conn_break_down(c);
    } else if (!SENDS_LATER && !shares) {
        rh_conn_write_out(c);
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
        rh_conn_write_out(c);
}
