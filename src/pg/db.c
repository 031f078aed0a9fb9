/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/db.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ASK_MS 10000      /* an answer takes longer: is the server still there? */
#define PING_TIMEOUT "10" /* seconds */
#define KEPT_MAX 16       /* statements of ours that are worth it */

struct rh_db {
    PGconn *conn;
    bool lazy, hung; /* hung: it did not answer, and is asked no more */
    const char *kept[KEPT_MAX];
    int n_kept;
};

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* libpq's message about a conninfo that it cannot read quotes it, passwords and all. */
static bool is_readable(const char *conninfo)
{
    PQconninfoOption *options = conninfo && (strchr(conninfo, '=') || strstr(conninfo, "://"))
                                    ? PQconninfoParse(conninfo, NULL)
                                    : PQconndefaults();
    PQconninfoFree(options);
    return options != NULL;
}

rh_db *rh_db_open(const char *conninfo, const char *database, const char *user, const char *password,
                  rh_err *err)
{
    /* the first dbname is expanded as a conninfo, which overrides what stands before and yields to what
     * follows. A server that is cut off while it owes an answer must not be waited for for ever. */
    const char *keys[] = {
        "connect_timeout", "tcp_user_timeout", "keepalives_idle",           "dbname", "dbname", "user",
        "password",        "client_encoding",  "fallback_application_name", NULL};
    const char *values[] = {"10", "20000",  "20",   conninfo,   database,
                            user, password, "UTF8", "rowhouse", NULL};
    if (!is_readable(conninfo)) {
        rh_err_set(err, RH_E_UNAVAILABLE, "the connection string was not understood");
        return NULL;
    }
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(conn) != CONNECTION_OK) {
        rh_db_error(err, conn, NULL);
        err->code = RH_E_UNAVAILABLE;
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    rh_db *db = rh_xcalloc(1, sizeof *db);
    db->conn = conn;
    return db;
}

void rh_db_close(rh_db *db)
{
    if (!db)
        return;
    PQfinish(db->conn);
    free(db);
}

PGconn *rh_db_conn(rh_db *db)
{
    return db->conn;
}

static const char *field(const PGresult *res, int code)
{
    const char *value = res ? PQresultErrorField(res, code) : NULL;
    return value ? value : "";
}

/* libpq's message in one line, without the trailing newline. */
static void copy_line(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
    for (char *p = to; *p; p++)
        if (*p == '\n')
            *p = p[1] ? ' ' : 0;
}

bool rh_db_error(rh_err *err, const PGconn *conn, const PGresult *res)
{
    const char *primary = field(res, PG_DIAG_MESSAGE_PRIMARY), *state = field(res, PG_DIAG_SQLSTATE);
    bool lost = !*state && conn && PQstatus(conn) == CONNECTION_BAD;
    rh_err_set(err, lost ? RH_E_UNAVAILABLE : RH_E_DB, "%s", "");
    if (*primary)
        copy_line(err->message, sizeof err->message, primary);
    else
        copy_line(err->message, sizeof err->message,
                  res && *PQresultErrorMessage(res) ? PQresultErrorMessage(res)
                  : conn                            ? PQerrorMessage(conn)
                                                    : "no answer from PostgreSQL");
    snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state);
    copy_line(err->detail, sizeof err->detail, field(res, PG_DIAG_MESSAGE_DETAIL));
    copy_line(err->hint, sizeof err->hint, field(res, PG_DIAG_MESSAGE_HINT));
    return false;
}

/* ---- waiting ---- */

static bool is_there(const rh_db *db)
{
    const char *keys[] = {"host", "hostaddr", "port", "connect_timeout", NULL};
    const char *address = PQhostaddr(db->conn);
    const char *values[] = {PQhost(db->conn), address && *address ? address : NULL, PQport(db->conn),
                            PING_TIMEOUT, NULL};
    return PQpingParams(keys, values, 0) != PQPING_NO_RESPONSE;
}

/* Until a result is there, or the connection is lost. A statement may take its time; a server that hangs, or
 * is cut off, does not answer a newcomer either: then the socket is shut and libpq finds its end. */
static void await(rh_db *db)
{
    struct pollfd fd = {.events = POLLIN};
    while (PQisBusy(db->conn)) {
        fd.fd = PQsocket(db->conn);
        if (fd.fd < 0)
            return;
        if (poll(&fd, 1, ASK_MS) == 0 && !is_there(db)) {
            db->hung = true;
            shutdown(fd.fd, SHUT_RDWR);
        }
        if (fd.revents || db->hung)
            if (!PQconsumeInput(db->conn))
                return;
    }
}

/* As PQexec() does: the last result, or the one that begins a COPY. */
static PGresult *last_result(rh_db *db)
{
    PGresult *last = NULL, *res;
    for (;;) {
        await(db);
        if (!(res = PQgetResult(db->conn)))
            return last;
        PQclear(last);
        last = res;
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH ||
            PQstatus(db->conn) == CONNECTION_BAD)
            return last;
    }
}

static bool fail(const rh_db *db, const PGresult *res, rh_err *err)
{
    rh_db_error(err, db->conn, res);
    if (db->hung)
        rh_err_set(err, RH_E_UNAVAILABLE, "the server does not answer");
    return false;
}

/* What an earlier statement has left, as after COPY, is nobody's. */
static void discard(rh_db *db)
{
    PGresult *res;
    while ((res = PQgetResult(db->conn))) {
        ExecStatusType status = PQresultStatus(res);
        PQclear(res);
        if (status == PGRES_COPY_IN)
            PQputCopyEnd(db->conn, "given up");
        else if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
            return; /* not ended: the next statement is refused */
    }
}

PGresult *rh_db_run(rh_db *db, const char *sql)
{
    discard(db);
    return PQsendQuery(db->conn, sql) ? last_result(db) : NULL;
}

bool rh_db_exec(rh_db *db, const char *sql, rh_err *err)
{
    PGresult *res = rh_db_run(db, sql);
    ExecStatusType status = PQresultStatus(res);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!ok)
        fail(db, res, err);
    PQclear(res);
    return ok;
}

bool rh_db_send(rh_db *db, const char *sql, rh_err *err)
{
    return PQsendQuery(db->conn, sql) == 1 || rh_db_error(err, db->conn, NULL);
}

bool rh_db_receive(rh_db *db, rh_err *err)
{
    bool ok = true;
    PGresult *res;
    while (await(db), (res = PQgetResult(db->conn))) {
        ExecStatusType status = PQresultStatus(res);
        if (ok && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            ok = fail(db, res, err);
        PQclear(res);
    }
    return ok && PQstatus(db->conn) == CONNECTION_OK;
}

static void clear_result(void *res)
{
    PQclear(res);
}

PGresult *rh_db_query(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values, rh_err *err)
{
    discard(db);
    PGresult *res = PQsendQueryParams(db->conn, sql, n, NULL, values, NULL, NULL, 0) ? last_result(db) : NULL;
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail(db, res, err);
        PQclear(res);
        return NULL;
    }
    rh_arena_on_free(a, clear_result, res);
    return res;
}

const char *rh_db_value(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values,
                        rh_err *err)
{
    PGresult *res = rh_db_query(db, a, sql, n, values, err);
    if (!res)
        return NULL;
    return PQntuples(res) > 0 && PQnfields(res) > 0 ? PQgetvalue(res, 0, 0) : "";
}

/* ---- statements that are kept ---- */

static bool prepare(rh_db *db, const char *sql, int at, rh_err *err)
{
    char name[16];
    snprintf(name, sizeof name, "rh_%d", at);
    PGresult *res = PQprepare(db->conn, name, sql, 0, NULL);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK || rh_db_error(err, db->conn, res);
    PQclear(res);
    return ok;
}

PGresult *rh_db_query_kept(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values,
                           rh_err *err)
{
    char name[16];
    int at = 0;
    while (at < db->n_kept && db->kept[at] != sql)
        at++;
    if (at == KEPT_MAX)
        return rh_db_query(db, a, sql, n, values, err);
    if (at == db->n_kept) {
        if (!prepare(db, sql, at, err))
            return NULL;
        db->kept[db->n_kept++] = sql;
    }
    snprintf(name, sizeof name, "rh_%d", at);
    PGresult *res = PQsendQueryPrepared(db->conn, name, n, values, NULL, NULL, 0) ? last_result(db) : NULL;
    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK) {
        fail(db, res, err);
        PQclear(res);
        if (strcmp(err->sqlstate, "26000") == 0) /* deallocated behind our back */
            db->n_kept = 0;
        return NULL;
    }
    rh_arena_on_free(a, clear_result, res);
    return res;
}

void rh_db_forget_kept(rh_db *db)
{
    rh_err ignored;
    if (db->n_kept)
        rh_db_exec(db, "DEALLOCATE ALL", &ignored);
    db->n_kept = 0;
}

/* ---- many statements at once ---- */

/* What one call is answered; *res is NULL where it failed or was skipped. False: the connection is lost. */
static bool take_answer(rh_db *db, PGresult **res, bool *ok, rh_err *err)
{
    PGresult *next;
    *res = NULL;
    while (await(db), (next = PQgetResult(db->conn))) {
        ExecStatusType status = PQresultStatus(next);
        if (!*res && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)) {
            *res = next;
            continue;
        }
        if (*ok)
            *ok = status == PGRES_PIPELINE_SYNC || fail(db, next, err);
        PQclear(next);
        if (status == PGRES_PIPELINE_SYNC)
            break;
    }
    return PQstatus(db->conn) == CONNECTION_OK;
}

static bool send_all(rh_db *db, const rh_db_call *calls, int n)
{
    bool ok = PQenterPipelineMode(db->conn) == 1;
    for (int i = 0; ok && i < n; i++)
        ok = calls[i].sql ? PQsendQueryParams(db->conn, calls[i].sql, calls[i].n, NULL, calls[i].values, NULL,
                                              NULL, 0) == 1
                          : PQpipelineSync(db->conn) == 1;
    return ok && PQpipelineSync(db->conn) == 1;
}

bool rh_db_query_all(rh_db *db, rh_arena *a, const rh_db_call *calls, int n, PGresult **results, int *failed,
                     rh_err *err)
{
    bool ok = true;
    *failed = 0;
    if (!send_all(db, calls, n))
        return rh_db_error(err, db->conn, NULL);
    for (int i = 0; i <= n; i++) {
        PGresult *res;
        bool before = ok, there = take_answer(db, &res, &ok, err);
        if (before && !ok)
            *failed = i < n ? i : n - 1;
        if (results && i < n)
            results[i] = res;
        if (res && results && i < n)
            rh_arena_on_free(a, clear_result, res);
        else
            PQclear(res);
        if (!there)
            return ok ? rh_db_error(err, db->conn, NULL) : false;
    }
    PQexitPipelineMode(db->conn);
    return ok;
}

/* ---- commits ---- */

bool rh_db_set_lazy(rh_db *db, bool lazy, rh_err *err)
{
    if (db->lazy == lazy)
        return true;
    db->lazy = lazy;
    return rh_db_exec(db, lazy ? "SET synchronous_commit = off" : "RESET synchronous_commit", err);
}

bool rh_db_is_lazy(const rh_db *db)
{
    return db->lazy;
}
