/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of one loop and one database: few connections in pipeline mode, many jobs. A job is one implicit
 * transaction: the tenant bound by set_config(..., true), one or two statements, one Sync. Nothing of it
 * survives the Sync, and an error in it leaves its neighbours in the pipeline alone. No BEGIN is ever sent,
 * but to a Citus coordinator (settings.enter).
 *
 * Choosing: a statement that is known to be short joins others such on a busy connection, which costs both
 * processes fewer wake-ups; any other takes an idle connection first; when all are busy, behind a head that
 * has been running for less than max_head_age_us, at most max_depth deep; else the job waits in a bounded
 * queue, first come first served.
 *
 * Homes: jobs of one home prefer the same two connections, the first before the second, by a hash of both
 * (rendezvous: Thaler and Ravishankar, 1998), so that each backend knows few homes. Rather than wait behind
 * what is not known to be short they go to another, the next in the same order.
 *
 * Backends that grow: each statement and each home leave something in a backend (pg/weight.h). The texts that
 * are prepared on a connection are bounded by three eighths of max_backend; a connection whose estimate is
 * past three quarters of it is replaced: the new one is dialed first, then the old one takes no more jobs and
 * goes when it is empty. One at a time, so that a pool has at most one connection more than its number, for a
 * moment.
 *
 * Shared transactions: reads of one table or view that run none of the app's code (job.shares) and are known
 * to be brief go together, when they come in one turn of the loop and to one connection: binding, statement,
 * binding, statement, ..., one Sync. Each binds its own tenant right before its own statements, and
 * PostgreSQL skips everything behind an error up to the Sync, so that no statement runs under another job's
 * binding. What an error has skipped is sent again, alone. docs/security.md says why nothing of one is there
 * for the next.
 *
 * Large answers: the rows of a job whose caller cannot take more (rh_job_pause()) wait in PostgreSQL, and
 * nothing stands behind such a job: once it has said rh_job_keep(), its connection takes no more jobs, and
 * reads that were behind it are sent elsewhere. Writes are never put behind a read that may come to that
 * (job.streams), since they could not be taken back.
 *
 * Loads: the main statement of a job with on_hungry runs again and again, with values that its caller brings
 * as they come to it (rh_job_feed()), until it says that there are no more (rh_job_fed()). All of it stands
 * before one Sync, so it is one implicit transaction; between the batches there are flush requests, and no
 * more than RH_JOB_MAX_FED batches are under way: a slow PostgreSQL makes the caller wait. Such a job waits
 * for a connection that is idle and has it for itself. Before its Sync was sent nothing can have been done,
 * so when it is lost by then it ends with UNAVAILABLE.
 *
 * Cancelling: what waits is taken from the queue. What was sent is cancelled in PostgreSQL when it has come
 * to the head of its pipeline: from then on the connection takes no more jobs and is replaced when it is
 * empty. A read that stands behind another job is answered at once, and its rows are dropped when they come.
 * A cancel hits whatever the backend does when it arrives; a neighbour that it hits was rolled back, and is
 * sent again.
 *
 * When a connection is lost: jobs not sent yet wait on; reads that were under way are sent once more
 * elsewhere (on_restart tells the caller to forget the rows it has); writes end with UNKNOWN_OUTCOME and are
 * never sent again. When none is left and the last attempt to connect failed, jobs end with UNAVAILABLE at
 * once.
 *
 * Threads: everything happens on the loop's thread; only connecting (SCRAM costs milliseconds) is done by
 * libuv's helper threads. Ownership: jobs are the caller's and must stay where they are from rh_pool_submit()
 * until on_done. No callback runs inside rh_pool_submit() or rh_pool_close().
 */
#ifndef RH_POOL_H
#define RH_POOL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "pg/health.h"

typedef struct rh_pool rh_pool;
typedef struct rh_job rh_job;

typedef struct rh_pool_settings {
    const char *conninfo, *database, *user, *password; /* as rh_db_open(): the last three may be NULL */
    const char *options; /* startup options, e.g. "-c statement_timeout=30000"; NULL: none */
    rh_health *health;   /* of the server; outlives the pool. NULL: it is not asked for */
    int connections;
    int max_depth;           /* jobs on one connection at most; 0: 8 */
    int64_t max_head_age_us; /* 0: 2000 */
    int max_queue;           /* jobs waiting at most; 0: 1024 */
    int max_statements;      /* prepared on one connection at most; 0: 1024 */
    size_t max_backend;      /* memory of one backend, about; 0: no bound. See "Backends that grow" */
    int connect_timeout_s;   /* 0: 5 */
    int64_t deadline_ms;     /* for a whole job, waiting included; must exceed statement_timeout. 0: none */
    /* Of a database home (pg/pools.h), and of a node but the first (pg/routes.h): closed when nobody asked
     * for it so long. 0: never */
    int64_t idle_ms;
    /* The last job under way has ended and none waits; NULL: nobody wants to know. The pool may be closed. */
    void (*on_idle)(rh_pool *p, void *arg);
    void *on_idle_arg;
    /* A Citus coordinator: the tenant is bound by BEGIN and rowhouse.enter(), which brings it to the workers,
     * and COMMIT stands behind a Sync of its own; one job on one connection. */
    bool enter;
    /* Code that is not ours runs in the sessions and may leave things behind: each job begins with RESET ALL,
     * and its first statement may refuse the session by an error with RH_POOL_USED in it: the job is sent
     * again, and the session ends. */
    bool reset;
} rh_pool_settings;

#define RH_POOL_USED "rowhouse: a session that was used"

typedef struct rh_pool_statement {
    const char *text;
    size_t text_len;
    int n;
    const char *const *values; /* text parameters, NULL is SQL NULL */
} rh_pool_statement;

/* What a job is fed with: its values may be binary; lengths and formats as libpq wants them. */
typedef struct rh_pool_batch {
    rh_pool_statement statement;
    const int *lengths, *formats; /* NULL: all are text */
} rh_pool_batch;

#define RH_JOB_MAX_STATEMENTS 6
#define RH_JOB_MAX_STEPS 48
#define RH_JOB_MAX_FED 2

struct rh_job {
    /* filled by the caller; everything pointed to lives until on_done */
    const char *tenant; /* bound as rowhouse.tenant; never NULL */
    uint64_t home;      /* number of the home whose tables it is about; 0: what all others are about */
    const char *schema; /* its name, as it stands in the statements' texts; NULL where home is 0 */
    size_t relations;   /* how many the home has, about */
    bool read_only;     /* runs with transaction_read_only = on, and may be sent twice */
    bool single_row;    /* few rows are expected: they come in one PGresult */
    bool rollback;      /* nothing is committed */
    bool streams;       /* a read whose answer may become large: the caller may pause it */
    /* The one table or view that it reads, where nothing of the app's own code runs: it may
     * share its transaction with reads of the same. Compared only. NULL: it does not. */
    const void *shares;
    const char *statement_timeout; /* of this job, in milliseconds as text; NULL: the connection's */
    int64_t deadline_ms;           /* likewise, for the whole of it; 0: the pool's */
    /* A command that must be the transaction's first, such as SET TRANSACTION ISOLATION LEVEL; NULL: none */
    const char *begin;
    /* They run in this order. Each is prepared, where it is, after the one before it has run: what that one
     * has set (a role, a search_path) holds for looking up its names too. */
    int n_statements;
    int main; /* the statement whose command tag counts */
    rh_pool_statement statements[RH_JOB_MAX_STATEMENTS];
    /* Rows of a statement, as they come: PGRES_SINGLE_TUPLE, or PGRES_TUPLES_OK (maybe without rows). res is
     * the pool's. */
    void (*on_rows)(rh_job *, int statement, const PGresult *res);
    /* Not NULL: a read whose main statement is its last; its rows may come as the lines that COPY makes of
     * them in CSV, one at a time with its line's end, which costs both sides less. Then the job waits for a
     * connection that is idle. They come by on_rows where the connection cannot do that (the binding needs
     * more than one message). */
    void (*on_copy)(rh_job *, const char *line, size_t n);
    /* Not NULL: a write that is fed; no rows come of its main statement. It may be fed now, and as long as
     * rh_job_is_hungry(): inside this call, or later. single_row is to be true. */
    void (*on_hungry)(rh_job *);
    /* Not NULL: asked each time that rows of a job that was kept have been worked on for a while: how many
     * milliseconds it rests, for others to get this thread and the processors. Its rows wait in PostgreSQL.
     */
    int (*rest_ms)(rh_job *);
    /* What on_rows gave so far is void: the job is sent again. (Not after it was fed.) */
    void (*on_restart)(rh_job *);
    /* The end: err is NULL after the commit, affected what PQcmdTuples said of the main statement. The job is
     * the caller's again. */
    void (*on_done)(rh_job *, const char *affected, const rh_err *err);
    void *user;

    /* the pool's; the caller zeroes it */
    struct {
        struct rh_job *next;
        struct rh_pool *pool;                   /* where it was submitted last */
        struct rh_ticket *ticket;               /* pg/queue.c's */
        struct trip *trip;                      /* pg/citus.c: on its way to a worker */
        struct rh_conn *conn;                   /* whose pipeline it was put into last */
        uint64_t turn;                          /* how many were submitted before it, and it */
        int64_t deadline_ms, took_us;           /* took_us: from head of its pipeline to its end */
        uint64_t shapes[RH_JOB_MAX_STATEMENTS]; /* of its statements: pg/pace.h */
        int64_t usual_us;                       /* of its slowest statement */
        bool restarted, again, expired, cancelled, kept, copies, copying;
        /* may share a transaction; an error before it kept it from running; it did once and goes alone */
        bool shares, skipped, alone;
        uint8_t used; /* sessions that it found used */
        /* of one that is fed: its Sync was not sent; what stands before the main statement has run; it was
         * given up; batches under way; those that ended well, for the caller to read; their rows; time in
         * PostgreSQL, and since when it is there */
        bool feeding, primed, forgone;
        int n_fed;
        int64_t n_done, n_affected, fed_us, fed_since_us;
        char affected[24];
        rh_err *error;
        int n_steps, step;
        struct rh_job_step {
            uint8_t kind, statement;
            struct rh_stmt *stmt;
        } steps[RH_JOB_MAX_STEPS];
    } own;
};

rh_pool *rh_pool_new(uv_loop_t *loop, const rh_pool_settings *settings /* copied */);
/* One connection more. */
void rh_pool_grow(rh_pool *p);
/* False: refused (OVERLOADED, UNAVAILABLE), nothing was done and no callback will come. */
bool rh_pool_submit(rh_pool *p, rh_job *job, rh_err *err);
/* From on_rows: what has come will not be void any more, since it is on its way to somebody. The job is not
 * sent again, its deadline counts no longer, and it has its connection for itself. */
void rh_job_keep(rh_job *job);
/* From on_rows of a job that is kept: its rows wait in PostgreSQL until rh_job_resume(). One result more may
 * come. False, and nothing is done, when half of the pool's connections wait like that already. */
bool rh_job_pause(rh_job *job);
/* Not from a callback of the pool; no callback runs inside. */
void rh_job_resume(rh_job *job);
bool rh_job_is_hungry(const rh_job *job);
/* Runs it with these values, which are copied; the text may be another than the main statement's. Only when
 * it is hungry. No callback runs inside this and the next two. */
void rh_job_feed(rh_job *job, const rh_pool_batch *batch);
/* There are no more: what stands behind the main statement is sent, and the end. Only when it is hungry. */
void rh_job_fed(rh_job *job);
/* It is not to be done: rolled back, it ends with SQLSTATE 57014, unless another error comes first. Harmless
 * when its end was sent. */
void rh_job_forgo(rh_job *job);
/* µs since it came to the head of its pipeline, which is when PostgreSQL began with it. 0: it has not. */
int64_t rh_job_runs_us(const rh_job *job);
/* The job is wanted no more: it ends as soon as it can, as if nothing had been said where it was done
 * already, else with SQLSTATE 57014. No callback runs inside. Nothing happens to other jobs. */
void rh_pool_cancel(rh_pool *p, rh_job *job);
void rh_pool_cancelled(rh_err *err); /* the error of a job that was cancelled */
/* Ends what is left with UNAVAILABLE or UNKNOWN_OUTCOME, closes all, frees the pool, then calls on_closed. */
void rh_pool_close(rh_pool *p, void (*on_closed)(void *arg), void *arg);

/* Figures of a pool. To add one: a name here, and where it is counted. */
#define RH_POOL_NOW(X) X(connections) X(alive) X(idle) X(in_flight) X(queued)
#define RH_POOL_COUNTERS(X) /* since the beginning */                                                        \
    X(submitted)                                                                                             \
    X(pipelined) /* behind another on a connection */                                                        \
    X(dialed)                                                                                                \
    X(dial_failures)                                                                                         \
    X(lost)                                                                                                  \
    X(retried)                                                                                               \
    X(shared) /* a transaction with the one before */                                                        \
    X(statements)                                                                                            \
    X(prepared)   /* of them, for the first time on their connection */                                      \
    X(unprepared) /* not prepared at all */                                                                  \
    X(evicted)                                                                                               \
    X(cancels)                                                                                               \
    X(renewed)
typedef struct rh_pool_stats {
#define X(name) int name;
    RH_POOL_NOW(X)
#undef X
#define X(name) uint64_t name;
    RH_POOL_COUNTERS(X)
#undef X
    uint64_t deepest;
} rh_pool_stats;

bool rh_pool_has_room(const rh_pool *p); /* nothing waits: a job is sent, or refused, at once, or is next */
bool rh_pool_is_idle(const rh_pool *p);  /* nothing waits, nothing is under way */
void rh_pool_stats_read(const rh_pool *p, rh_pool_stats *out);
void rh_pool_stats_add(rh_pool_stats *sum, const rh_pool_stats *more);
bool rh_pool_alive(const rh_pool *p); /* at least one connection is up */

#endif
