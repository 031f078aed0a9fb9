/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/query.h"

#include <pthread.h>
#include <string.h>

#include "fleet/ask.h"
#include "fleet/reduce.h"
#include "fleet/statement.h"
#include "sql.h"

#define JOBS 4
#define MAX_JOBS 64
#define MAX_AWAY 32
#define MAX_AT_ONCE 32              /* homes in one pipeline */
#define MAX_SENT ((size_t)64 << 10) /* bytes of it: libpq blocks when neither side reads */
#define SESSION                                                                                              \
    "SET datestyle = ISO; SET intervalstyle = postgres; SET bytea_output = hex;"                             \
    " SET client_connection_check_interval = '2s'; SET plan_cache_mode = force_custom_plan"

struct task {
    size_t first, n; /* homes, all of one database */
};

struct fleet {
    const rh_app *app;
    rh_ask ask;
    RH_VEC(rh_fleet_home) homes;
    RH_VEC(struct task) tasks;
    rh_gather *gather;
    pthread_mutex_t lock;
    size_t next; /* task */
    bool stop;
    PGcancel *running[MAX_JOBS]; /* one a worker */
    int away[MAX_AWAY], n_away;  /* nodes that could not be reached: asked once, not for every home */
};

struct worker {
    struct fleet *fleet;
    int number;
};

/* ---- which homes ---- */

static bool read_homes(rh_operator *o, const rh_fleet_query *q, rh_arena *a, struct fleet *f, rh_err *err)
{
    const char *apart = q->apart ? "true" : "false";
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_homes_fleet, 1, &apart, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_fleet_home h = {.home = {.database = PQgetvalue(res, i, 1), .schema = PQgetvalue(res, i, 2)},
                           .label = PQgetvalue(res, i, 4)};
        if (!rh_model_parse(PQgetvalue(res, i, 0), &h.home.model) ||
            !(h.home.node = rh_node_of_row(o->app, a, res, i, 6)))
            return rh_err_set(err, RH_E_INTERNAL, "a home that cannot be read");
        h.tenant = PQgetisnull(res, i, 3) ? NULL : PQgetvalue(res, i, 3);
        h.apart = h.tenant && h.home.model == RH_MODEL_SHARED;
        if (h.apart && strcmp(PQgetvalue(res, i, 9), "citus") == 0) {
            rh_err_set(err, RH_E_INVALID, "tenants in shared tables on Citus (node %s) cannot be asked apart",
                       h.home.node->name);
            return rh_err_hint(err, "Name the tenant key in the statement instead, without --apart.");
        }
        rh_parse_int(PQgetvalue(res, i, 5), &h.tenants);
        if (!h.tenant)
            h.label = h.home.node->id == RH_FIRST_NODE
                          ? "(shared)"
                          : rh_arena_printf(a, "(shared on %s)", h.home.node->name);
        RH_VEC_PUSH(a, &f->homes, h);
    }
    return res != NULL;
}

static bool same_database(const rh_fleet_home *x, const rh_fleet_home *y)
{
    return x->home.node->id == y->home.node->id && strcmp(x->home.database, y->home.database) == 0;
}

/* Neighbours of one database go together, few enough that all jobs have work. */
static void cut(struct fleet *f, rh_arena *a, int jobs)
{
    size_t at_once = f->homes.len / ((size_t)jobs * 4) + 1, bytes = strlen(f->ask.sql) + 256;
    if (at_once > MAX_AT_ONCE)
        at_once = MAX_AT_ONCE;
    if (at_once > MAX_SENT / bytes)
        at_once = MAX_SENT / bytes + 1;
    for (size_t i = 0; i < f->homes.len;) {
        struct task t = {i, 1};
        while (t.n < at_once && i + t.n < f->homes.len &&
               same_database(&f->homes.items[i], &f->homes.items[i + t.n]))
            t.n++;
        RH_VEC_PUSH(a, &f->tasks, t);
        i += t.n;
    }
}

/* ---- the work ---- */

static bool take_task(struct fleet *f, size_t *task)
{
    pthread_mutex_lock(&f->lock);
    bool ok = !f->stop && f->next < f->tasks.len;
    if (ok)
        *task = f->next++;
    pthread_mutex_unlock(&f->lock);
    return ok;
}

/* Nobody takes rows any more: what the others ask is cancelled. */
static void stop(struct fleet *f)
{
    char ignored[256];
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    for (int i = 0; i < MAX_JOBS; i++)
        if (f->running[i])
            PQcancel(f->running[i], ignored, sizeof ignored);
    pthread_mutex_unlock(&f->lock);
}

/* What stop() cancels of this worker from now on; NULL: nothing. */
static void set_running(const struct worker *w, rh_db *db)
{
    PGcancel *now = db ? PQgetCancel(rh_db_conn(db)) : NULL;
    pthread_mutex_lock(&w->fleet->lock);
    PQfreeCancel(w->fleet->running[w->number]);
    w->fleet->running[w->number] = now;
    pthread_mutex_unlock(&w->fleet->lock);
}

static bool is_away(struct fleet *f, int node)
{
    bool away = false;
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < f->n_away; i++)
        away |= f->away[i] == node;
    pthread_mutex_unlock(&f->lock);
    return away;
}

/* A database of it could not be entered: is it the node? */
static bool answers(const rh_node *node)
{
    const char *keys[] = {"dbname", "connect_timeout", NULL}, *values[] = {node->conninfo, "5", NULL};
    PGPing ping = PQpingParams(keys, values, 1);
    return ping == PQPING_OK || ping == PQPING_REJECT;
}

static void note_away(struct fleet *f, int node)
{
    pthread_mutex_lock(&f->lock);
    if (f->n_away < MAX_AWAY)
        f->away[f->n_away++] = node;
    pthread_mutex_unlock(&f->lock);
}

static rh_db *open_home(struct fleet *f, const rh_fleet_home *h, rh_err *err)
{
    if (is_away(f, h->home.node->id)) {
        rh_err_set(err, RH_E_NODE_AWAY, "node %s cannot be reached", h->home.node->name);
        return NULL;
    }
    rh_db *db = rh_app_connect(f->app, h->home.node, RH_ROLE_OPERATOR, h->home.database, err);
    if (!db && err->code == RH_E_NODE_AWAY && !answers(h->home.node))
        note_away(f, h->home.node->id);
    if (db && !rh_db_exec(db, SESSION, err)) {
        rh_db_close(db);
        return NULL;
    }
    return db;
}

static bool fail_all(struct fleet *f, size_t task, const rh_err *why)
{
    const struct task *t = &f->tasks.items[task];
    bool go_on = true;
    for (size_t i = 0; i < t->n && go_on; i++)
        go_on = rh_gather_fail(f->gather, task, f->homes.items[t->first + i].label, why);
    return go_on;
}

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct fleet *f = w->fleet;
    const rh_fleet_home *at = NULL; /* of the database that db is connected to */
    rh_db *db = NULL;
    rh_err why;
    for (size_t task; take_task(f, &task);) {
        const struct task *t = &f->tasks.items[task];
        const rh_fleet_home *homes = &f->homes.items[t->first];
        if (db && (!same_database(at, homes) || PQstatus(rh_db_conn(db)) != CONNECTION_OK)) {
            set_running(w, NULL);
            rh_db_close(db);
            db = NULL;
        }
        at = homes;
        if (!db && (db = open_home(f, homes, &why)))
            set_running(w, db);
        if (db ? !rh_ask_homes(rh_db_conn(db), &f->ask, homes, t->n, f->gather, task)
               : !fail_all(f, task, &why))
            stop(f);
        rh_gather_end(f->gather, task);
    }
    set_running(w, NULL);
    rh_db_close(db);
    return NULL;
}

static void run(struct fleet *f, int jobs)
{
    pthread_t threads[MAX_JOBS];
    struct worker workers[MAX_JOBS];
    int started = 0;
    for (int i = 0; i < jobs; i++)
        workers[i] = (struct worker){f, i};
    while (started < jobs - 1 && (size_t)started + 1 < f->tasks.len &&
           pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[jobs - 1]);
    while (started)
        pthread_join(threads[--started], NULL);
}

bool rh_fleet_plan_read(rh_operator *o, const rh_fleet_query *q, rh_fleet_plan *out, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct fleet f = {.app = o->app};
    bool ok = rh_fleet_statement_check(o->shared, q->sql, q->write, err) && read_homes(o, q, a, &f, err);
    *out = (rh_fleet_plan){.homes = f.homes.len};
    for (size_t i = 0; i < f.homes.len; i++) {
        const rh_fleet_home *h = &f.homes.items[i];
        out->tenants += h->tenants;
        out->apart += h->apart;
        out->shared += h->home.model == RH_MODEL_SHARED && !h->apart;
        out->schemas += h->home.model == RH_MODEL_SCHEMA;
        out->databases += h->home.model == RH_MODEL_DATABASE;
    }
    rh_arena_free(a);
    return ok;
}

bool rh_fleet_ask(rh_operator *o, const rh_fleet_query *q, rh_rows_fn rows, rh_failure_fn failed, void *arg,
                  rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct fleet f = {
        .app = o->app, .ask = {q->sql, q->write, o->app->owner}, .lock = PTHREAD_MUTEX_INITIALIZER};
    rh_reduce *reduce = NULL;
    int jobs = q->jobs < 1 ? JOBS : q->jobs > MAX_JOBS ? MAX_JOBS : q->jobs;
    bool ok = rh_fleet_statement_check(o->shared, q->sql, q->write, err) &&
              (!q->reduce || rh_fleet_statement_check(o->shared, q->reduce, false, err) ||
               rh_err_context(err, "reduce")) &&
              (!q->reduce || (reduce = rh_reduce_new(o, q->reduce, rows, failed, arg, err))) &&
              read_homes(o, q, a, &f, err);
    if (ok) {
        cut(&f, a, jobs);
        f.gather = reduce ? rh_gather_new(f.tasks.len, rh_reduce_rows, rh_reduce_failure, reduce)
                          : rh_gather_new(f.tasks.len, rows, failed, arg);
        run(&f, jobs);
        ok = rh_gather_finish(f.gather, err) && (!reduce || rh_reduce_finish(reduce, err));
        rh_gather_free(f.gather);
    }
    rh_reduce_free(reduce);
    rh_arena_free(a);
    return ok;
}
