/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/watch.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "sql.h"

#define HEARTBEAT_MS 5000 /* at most; a third of the staleness bound where that is less */
#define ANSWER_MS 4000    /* a catalog that does not answer for so long is away */
#define RETRY_MS 500

struct rh_watch {
    const rh_app *app;
    rh_directory *directory;
    rh_db *db; /* NULL while the catalog is away */
    pthread_t thread;
    int stop_fd;
    bool away_told;
    char newest_revision[24]; /* of the relation caches that the directory has */
};

/* Waits for input on the catalog's socket (when there is one) or the order to stop. 1 input, 0 timeout, -1
 * stop. */
static int wait_for(rh_watch *w, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = w->stop_fd, .events = POLLIN},
                            {.fd = w->db ? PQsocket(rh_db_conn(w->db)) : -1, .events = POLLIN}};
    int n = poll(fds, 2, timeout_ms);
    if (n > 0 && fds[0].revents)
        return -1;
    return n > 0;
}

/* The next result, NULL at the end of a query's. A catalog that hangs must not hang the watch: false when it
 * gives no answer, or an error. The result is the caller's. */
static bool next_result(rh_watch *w, PGresult **out, rh_err *err)
{
    PGconn *conn = rh_db_conn(w->db);
    int64_t deadline = rh_now_ms() + ANSWER_MS;
    while (PQisBusy(conn)) {
        int64_t left = deadline - rh_now_ms();
        if (left <= 0 || wait_for(w, (int)left) < 0)
            return rh_err_set(err, RH_E_UNAVAILABLE, "the catalog does not answer");
        if (!PQconsumeInput(conn))
            return rh_db_error(err, conn, NULL);
    }
    *out = PQgetResult(conn);
    ExecStatusType status = PQresultStatus(*out);
    if (!*out || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE || status == PGRES_COMMAND_OK)
        return true;
    rh_db_error(err, conn, *out);
    PQclear(*out);
    while ((*out = PQgetResult(conn)))
        PQclear(*out);
    return false;
}

static PGresult *ask(rh_watch *w, rh_arena *a, const char *sql, int n, const char *const *params, rh_err *err)
{
    PGresult *res, *end;
    if (!PQsendQueryParams(rh_db_conn(w->db), sql, n, NULL, params, NULL, NULL, 0)) {
        rh_db_error(err, rh_db_conn(w->db), NULL);
        return NULL;
    }
    if (!next_result(w, &res, err))
        return NULL;
    rh_arena_on_free(a, (void (*)(void *))PQclear, res);
    return next_result(w, &end, err) ? res : NULL;
}

static bool entry_of(const PGresult *res, int row, rh_directory_entry *e)
{
    int64_t home = 0, reference = 0, tenant = 0, node = RH_FIRST_NODE;
    *e = (rh_directory_entry){0};
    snprintf(e->id, sizeof e->id, "%s", PQgetvalue(res, row, 0));
    snprintf(e->slug, sizeof e->slug, "%s", PQgetvalue(res, row, 1));
    rh_parse_int(PQgetvalue(res, row, 3), &home);
    rh_parse_int(PQgetvalue(res, row, 4), &reference);
    rh_parse_int(PQgetvalue(res, row, 5), &tenant);
    e->home = home;
    e->reference_version = (int32_t)reference;
    e->tenant_version = (int32_t)tenant;
    e->database = PQgetvalue(res, row, 6);
    e->schema = PQgetvalue(res, row, 7);
    rh_parse_int(PQgetvalue(res, row, 8), &node);
    e->node = (int32_t)node;
    e->conninfo = PQgetvalue(res, row, 9);
    e->citus = *PQgetvalue(res, row, 10) == 't';
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (PQgetisnull(res, row, 11 + i) || !rh_parse_int(PQgetvalue(res, row, 11 + i), &e->limits.of[i]))
            e->limits.of[i] = RH_LIMIT_DEFAULT;
    return rh_tenant_state_parse(PQgetvalue(res, row, 2), &e->state);
}

/* Caches made after the newest we have: a directory keeps every cache it was given until it ends. */
static bool read_caches(rh_watch *w, rh_arena *a, rh_err *err)
{
    const char *since = w->newest_revision;
    PGresult *res = ask(w, a, rh_sql_tenants_caches_since, 1, &since, err);
    if (!res)
        return false;
    for (int i = 0; i < PQntuples(res); i++) {
        int64_t reference, tenant;
        rh_parse_int(PQgetvalue(res, i, 0), &reference);
        rh_parse_int(PQgetvalue(res, i, 1), &tenant);
        rh_relation_cache *cache =
            rh_relation_cache_parse(PQgetvalue(res, i, 2), (size_t)PQgetlength(res, i, 2), err);
        if (!cache)
            return rh_err_context(err, "relation cache of version %lld/%lld", (long long)reference,
                                  (long long)tenant);
        rh_directory_add_cache(w->directory, (int32_t)reference, (int32_t)tenant, cache);
        snprintf(w->newest_revision, sizeof w->newest_revision, "%s", PQgetvalue(res, i, 3));
    }
    return true;
}

static bool read_nodes(rh_watch *w, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    int64_t number;
    PGresult *res = ask(w, a, rh_sql_tenants_watch_nodes, 0, NULL, err);
    for (int i = 0; res && i < PQntuples(res); i++)
        if (rh_parse_int(PQgetvalue(res, i, 0), &number))
            rh_directory_name_node(w->directory, (int32_t)number, PQgetvalue(res, i, 1));
    rh_arena_free(a);
    return res != NULL;
}

/* Row by row: all tenants in one result would leave their memory behind. */
static bool read_tenants(rh_watch *w, rh_err *err)
{
    PGconn *conn = rh_db_conn(w->db);
    rh_directory_entry e;
    PGresult *res;
    bool ok;
    if (!PQsendQueryParams(conn, rh_sql_tenants_watch, 0, NULL, NULL, NULL, NULL, 0))
        return rh_db_error(err, conn, NULL);
    PQsetSingleRowMode(conn);
    while ((ok = next_result(w, &res, err)) && res) {
        if (PQntuples(res) && entry_of(res, 0, &e))
            rh_directory_put(w->directory, &e);
        PQclear(res);
    }
    return ok;
}

static bool read_everything(rh_watch *w, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = read_caches(w, a, err);
    rh_arena_free(a);
    if (!ok || !read_nodes(w, err))
        return false;
    rh_directory_refill_begin(w->directory);
    if (!read_tenants(w, err))
        return false;
    rh_directory_refill_end(w->directory);
    rh_directory_touch(w->directory);
    return true;
}

static bool read_one(rh_watch *w, const char *id, rh_err *err)
{
    char name[64];
    rh_directory_entry e;
    rh_arena *a = rh_arena_new();
    PGresult *res = ask(w, a, rh_sql_tenants_watch_one, 1, &id, err);
    bool ok = res != NULL;
    if (ok && PQntuples(res) == 1 && entry_of(res, 0, &e)) {
        rh_directory_put(w->directory, &e);
        if (!rh_directory_node_name(w->directory, e.node, name, sizeof name)) /* a new one */
            ok = read_nodes(w, err);
    } else if (ok) {
        rh_directory_remove(w->directory, id);
    }
    if (ok)
        rh_directory_touch(w->directory);
    rh_arena_free(a);
    return ok;
}

static bool connect_and_read(rh_watch *w, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    w->db = rh_app_connect(w->app, &w->app->first, RH_ROLE_SERVER, w->app->catalog_db, err);
    /* LISTEN before reading: what changes meanwhile is told afterwards */
    bool ok = w->db && ask(w, a, "LISTEN rowhouse_tenant", 0, NULL, err) && read_everything(w, err);
    if (!ok) {
        rh_db_close(w->db);
        w->db = NULL;
    }
    rh_arena_free(a);
    return ok;
}

/* Called after every question too: what was told while its answer came in makes the socket readable no more.
 */
static bool take_notifications(rh_watch *w, rh_err *err)
{
    PGconn *conn = rh_db_conn(w->db);
    PGnotify *n;
    bool ok = PQconsumeInput(conn) || rh_db_error(err, conn, NULL), all;
    do {
        all = false;
        while (ok && (n = PQnotifies(conn))) {
            if (strcmp(n->extra, "*") == 0)
                all = true;
            else if (!all)
                ok = read_one(w, n->extra, err);
            PQfreemem(n);
        }
        ok = ok && (!all || read_everything(w, err));
    } while (ok && all);
    return ok;
}

static bool heartbeat(rh_watch *w, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = ask(w, a, "SELECT 1", 0, NULL, err) != NULL;
    if (ok)
        rh_directory_touch(w->directory);
    rh_arena_free(a);
    return ok;
}

static bool is_stopping(const rh_watch *w)
{
    struct pollfd stop = {.fd = w->stop_fd, .events = POLLIN};
    return poll(&stop, 1, 0) > 0;
}

static int heartbeat_ms(const rh_watch *w)
{
    int64_t third = w->app->conf->catalog_stale_after / 3;
    return third < HEARTBEAT_MS ? (int)third + 1 : HEARTBEAT_MS;
}

static void *run(void *arg)
{
    rh_watch *w = arg;
    rh_err err;
    for (;;) {
        int got = wait_for(w, w->db ? heartbeat_ms(w) : RETRY_MS);
        if (got < 0)
            return NULL;
        bool ok =
            (w->db ? got || heartbeat(w, &err) : connect_and_read(w, &err)) && take_notifications(w, &err);
        if (ok && w->away_told)
            rh_log(RH_LOG_INFO, "the catalog is back");
        if (!ok && is_stopping(w)) /* the order to stop ends a question under way, too */
            return NULL;
        if (!ok && !w->away_told)
            rh_log_err(RH_LOG_WARN, "the catalog is away; serving from memory", &err);
        w->away_told = !ok;
        if (!ok && w->db) {
            rh_db_close(w->db);
            w->db = NULL;
        }
    }
}

rh_watch *rh_watch_start(const rh_app *app, rh_directory *directory, rh_err *err)
{
    rh_watch *w = rh_xcalloc(1, sizeof *w);
    w->app = app;
    w->directory = directory;
    w->stop_fd = eventfd(0, EFD_CLOEXEC);
    memcpy(w->newest_revision, "0", 2);
    if (!connect_and_read(w, err) || !rh_budget_check(app->conf, w->db, err) || !take_notifications(w, err) ||
        pthread_create(&w->thread, NULL, run, w) != 0) {
        rh_db_close(w->db);
        close(w->stop_fd);
        free(w);
        return NULL;
    }
    return w;
}

void rh_watch_stop(rh_watch *w)
{
    uint64_t one = 1;
    if (!w)
        return;
    if (write(w->stop_fd, &one, sizeof one) == sizeof one)
        pthread_join(w->thread, NULL);
    rh_db_close(w->db);
    close(w->stop_fd);
    free(w);
}
