/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/operators.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define KEPT_MAX 2 /* the control door is one person's, or one program's */
#define IDLE_MAX_MS 60000
#define USES_MAX 200 /* a backend remembers every home that it has met */

struct kept {
    rh_operator o;
    int64_t since;
};

struct rh_operators {
    const rh_app *app;
    rh_warm *warm;
    pthread_mutex_t lock;
    struct kept kept[KEPT_MAX];
    int n;
};

rh_operators *rh_operators_new(const rh_app *app, rh_warm *warm)
{
    rh_operators *s = rh_xcalloc(1, sizeof *s);
    s->app = app;
    s->warm = warm;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void rh_operators_free(rh_operators *s)
{
    if (!s)
        return;
    while (s->n)
        rh_operator_close(&s->kept[--s->n].o);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* A connection that the server has ended is readable; what was asked of it when it was given back has been
 * answered. */
static bool is_alive(rh_db *db)
{
    rh_err ignored;
    PGconn *conn = rh_db_conn(db);
    return rh_db_receive(db, &ignored) && PQconsumeInput(conn) && PQstatus(conn) == CONNECTION_OK;
}

static bool take(rh_operators *s, struct kept *out)
{
    pthread_mutex_lock(&s->lock);
    bool there = s->n > 0;
    if (there)
        *out = s->kept[--s->n];
    pthread_mutex_unlock(&s->lock);
    return there;
}

bool rh_operators_borrow(rh_operators *s, rh_operator *out, rh_err *err)
{
    struct kept k;
    while (take(s, &k)) {
        if (rh_now_ms() - k.since < IDLE_MAX_MS && is_alive(k.o.catalog) && is_alive(k.o.shared) &&
            (!k.o.cloner.db || is_alive(k.o.cloner.db)) && rh_operator_refresh(&k.o, err)) {
            *out = k.o;
            return true;
        }
        rh_operator_close(&k.o);
    }
    if (!rh_operator_open(out, s->app, err))
        return false;
    out->warm = s->warm;
    return true;
}

/* Nobody waits for it; the next borrower takes the answer. */
static bool start_reset(rh_db *db, const char *then, rh_err *err)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all(); DISCARD TEMP%s", then);
    return PQtransactionStatus(rh_db_conn(db)) == PQTRANS_IDLE && rh_db_send(db, sql, err);
}

void rh_operators_give_back(rh_operators *s, rh_operator *o, bool ok)
{
    rh_err ignored;
    rh_nodes_clear(o->nodes);
    ok = ok && ++o->uses < USES_MAX && start_reset(o->catalog, "; " RH_OPERATOR_ANNOUNCE, &ignored) &&
         start_reset(o->shared, "", &ignored);
    pthread_mutex_lock(&s->lock);
    ok = ok && s->n < KEPT_MAX;
    if (ok)
        s->kept[s->n++] = (struct kept){*o, rh_now_ms()};
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        rh_operator_close(o);
    *o = (rh_operator){0};
}
