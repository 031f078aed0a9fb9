/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/gather.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEPT ((size_t)16 << 20) /* bytes of rows that wait for their turn */
#define BATCH_ROWS 500
#define BATCH_BYTES ((size_t)256 << 10)

struct entry {
    struct entry *next;
    const char *label;
    PGresult *res; /* NULL: it failed */
    rh_err *why;
};

struct task {
    struct entry *first, *last;
    bool ended;
};

struct rh_gather {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* the turn went on, or it is to stop */
    struct task *tasks;
    size_t n, turn, kept;
    bool stop;
    rh_err err;
    rh_rows_fn rows;
    rh_failure_fn failed;
    void *arg;
    /* the reader's side: only for whoever has the lock */
    PGresult *layout; /* of the first home, without rows */
    PGresult *batch;
    size_t batch_bytes;
    const char *refused; /* the home whose columns differ */
};

rh_gather *rh_gather_new(size_t tasks, rh_rows_fn rows, rh_failure_fn failed, void *arg)
{
    rh_gather *g = rh_xcalloc(1, sizeof *g);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->moved, NULL);
    g->tasks = rh_xcalloc(tasks + 1, sizeof *g->tasks);
    g->n = tasks;
    g->rows = rows;
    g->failed = failed;
    g->arg = arg;
    return g;
}

static void free_entry(struct entry *e)
{
    PQclear(e->res);
    free(e->why);
    free(e);
}

void rh_gather_free(rh_gather *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        for (struct entry *e = g->tasks[i].first, *next; e; e = next) {
            next = e->next;
            free_entry(e);
        }
    PQclear(g->layout);
    PQclear(g->batch);
    pthread_cond_destroy(&g->moved);
    pthread_mutex_destroy(&g->lock);
    free(g->tasks);
    free(g);
}

/* ---- the reader's side ---- */

#define INT8_OID 20
#define TEXT_OID 25

/* The columns of `res` behind the tenant's; a command without rows tells how many it touched. */
static PGresult *empty_like(const PGresult *res)
{
    int n = PQnfields(res);
    PGresAttDesc *columns = rh_xcalloc((size_t)n + 2, sizeof *columns);
    columns[0] = (PGresAttDesc){.name = (char *)"tenant", .typid = TEXT_OID, .typlen = -1};
    for (int c = 0; c < n; c++)
        columns[c + 1] = (PGresAttDesc){.name = PQfname(res, c), .typid = PQftype(res, c), .typlen = -1};
    if (!n)
        columns[1] = (PGresAttDesc){.name = (char *)"affected", .typid = INT8_OID, .typlen = 8};
    PGresult *out = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    if (!out || !PQsetResultAttrs(out, n ? n + 1 : 2, columns)) {
        fprintf(stderr, "rowhouse: out of memory\n");
        abort();
    }
    free(columns);
    return out;
}

/* Types of the app's own differ in number from database to database. */
#define FIRST_USER_OID 16384

static bool fits(const PGresult *layout, const PGresult *res)
{
    int n = PQnfields(res) ? PQnfields(res) : 1;
    if (PQnfields(layout) != n + 1)
        return false;
    for (int c = 0; c < PQnfields(res); c++) {
        Oid ours = PQftype(layout, c + 1), theirs = PQftype(res, c);
        if (strcmp(PQfname(layout, c + 1), PQfname(res, c)) != 0 ||
            (ours != theirs && (ours < FIRST_USER_OID || theirs < FIRST_USER_OID)))
            return false;
    }
    return PQnfields(res) > 0 || strcmp(PQfname(layout, 1), "affected") == 0;
}

static void hand_on(rh_gather *g)
{
    if (g->batch && !g->stop && !g->rows(g->arg, g->batch, &g->err))
        g->stop = true;
    PQclear(g->batch);
    g->batch = NULL;
    g->batch_bytes = 0;
}

static void set_value(PGresult *batch, int row, int column, const char *text, int len)
{
    if (!PQsetvalue(batch, row, column, (char *)text, text ? len : -1)) {
        fprintf(stderr, "rowhouse: out of memory\n");
        abort();
    }
}

static void add_row(rh_gather *g, const char *label, const PGresult *res, int row)
{
    if (!g->batch)
        g->batch = PQcopyResult(g->layout, PG_COPYRES_ATTRS);
    int to = PQntuples(g->batch), n = PQnfields(res);
    set_value(g->batch, to, 0, label, (int)strlen(label));
    for (int c = 0; c < n; c++) {
        bool null = PQgetisnull(res, row, c);
        set_value(g->batch, to, c + 1, null ? NULL : PQgetvalue(res, row, c), PQgetlength(res, row, c));
        g->batch_bytes += (size_t)PQgetlength(res, row, c);
    }
    if (to + 1 >= BATCH_ROWS || g->batch_bytes >= BATCH_BYTES)
        hand_on(g);
}

static void add_command(rh_gather *g, const char *label, PGresult *res)
{
    if (!g->batch)
        g->batch = PQcopyResult(g->layout, PG_COPYRES_ATTRS);
    int to = PQntuples(g->batch);
    const char *affected = *PQcmdTuples(res) ? PQcmdTuples(res) : NULL;
    set_value(g->batch, to, 0, label, (int)strlen(label));
    set_value(g->batch, to, 1, affected, affected ? (int)strlen(affected) : 0);
    if (to + 1 >= BATCH_ROWS)
        hand_on(g);
}

static void names_of(const PGresult *res, int from, rh_str *out)
{
    for (int c = from; c < PQnfields(res); c++)
        rh_str_addf(out, "%s%s", c > from ? ", " : "", PQfname(res, c));
}

static void refuse(rh_gather *g, const char *label, const PGresult *res)
{
    rh_err why;
    rh_str theirs, ours;
    rh_str_init(&theirs, 300);
    rh_str_init(&ours, 300);
    names_of(res, 0, &theirs);
    names_of(g->layout, 1, &ours);
    rh_err_set(&why, RH_E_STATE, "its columns (%s) are not those of the first home (%s), or of other types",
               rh_str_cstr(&theirs), rh_str_cstr(&ours));
    g->failed(g->arg, label, &why);
    g->refused = label;
    rh_str_release(&theirs);
    rh_str_release(&ours);
}

/* One entry in its turn. */
static void deliver(rh_gather *g, struct entry *e)
{
    if (!e->res) {
        g->failed(g->arg, e->label, e->why);
        return;
    }
    if (!g->layout) {
        g->layout = empty_like(e->res);
        if (!g->rows(g->arg, g->layout, &g->err))
            g->stop = true;
    }
    if (e->label == g->refused)
        return;
    if (!fits(g->layout, e->res)) {
        refuse(g, e->label, e->res);
        return;
    }
    for (int row = 0; row < PQntuples(e->res) && !g->stop; row++)
        add_row(g, e->label, e->res, row);
    if (!PQnfields(e->res))
        add_command(g, e->label, e->res);
}

static size_t bytes_of(const struct entry *e)
{
    return sizeof *e + (e->res ? PQresultMemorySize(e->res) : sizeof *e->why);
}

/* All that may go now. */
static void deliver_kept(rh_gather *g)
{
    while (g->turn < g->n) {
        struct task *t = &g->tasks[g->turn];
        for (struct entry *e; (e = t->first);) {
            t->first = e->next;
            g->kept -= bytes_of(e);
            if (!g->stop)
                deliver(g, e);
            free_entry(e);
        }
        t->last = NULL;
        if (!t->ended)
            break;
        g->turn++;
    }
}

/* ---- the tasks' side ---- */

static bool add(rh_gather *g, size_t task, struct entry *e)
{
    pthread_mutex_lock(&g->lock);
    while (g->turn != task && g->kept + bytes_of(e) > MAX_KEPT && !g->stop)
        pthread_cond_wait(&g->moved, &g->lock);
    struct task *t = &g->tasks[task];
    *(t->last ? &t->last->next : &t->first) = e;
    t->last = e;
    g->kept += bytes_of(e);
    if (g->turn == task)
        deliver_kept(g);
    bool go_on = !g->stop;
    if (!go_on)
        pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
    return go_on;
}

bool rh_gather_add(rh_gather *g, size_t task, const char *label, PGresult *res)
{
    struct entry *e = rh_xcalloc(1, sizeof *e);
    e->label = label;
    e->res = res;
    return add(g, task, e);
}

bool rh_gather_fail(rh_gather *g, size_t task, const char *label, const rh_err *why)
{
    struct entry *e = rh_xcalloc(1, sizeof *e);
    e->label = label;
    e->why = rh_xmalloc(sizeof *e->why);
    *e->why = *why;
    return add(g, task, e);
}

void rh_gather_end(rh_gather *g, size_t task)
{
    pthread_mutex_lock(&g->lock);
    g->tasks[task].ended = true;
    if (g->turn == task)
        deliver_kept(g);
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

bool rh_gather_finish(rh_gather *g, rh_err *err)
{
    pthread_mutex_lock(&g->lock);
    hand_on(g);
    bool ok = !g->stop;
    if (!ok)
        *err = g->err;
    pthread_mutex_unlock(&g->lock);
    return ok;
}
