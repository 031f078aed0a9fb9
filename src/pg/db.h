/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocking PostgreSQL: what commands, migrations and the operator's verbs use. The data door has the pool
 * (pg/pool.h) instead; nothing here may be called on a loop's thread.
 *
 * Ownership: rh_db is the caller's, closed by rh_db_close(). Results are PGresults, kept by the arena given.
 * Errors: RH_E_UNAVAILABLE when there is no connection (any more), RH_E_DB with SQLSTATE otherwise. A server
 * that owes an answer for 10 s and does not answer a ping either is gone; COPY is waited for by whoever does
 * it.
 */
#ifndef RH_DB_H
#define RH_DB_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/err.h"

typedef struct rh_db rh_db;

/* database, user and password override what conninfo says; each may be NULL. Waits at most 10 s. */
rh_db *rh_db_open(const char *conninfo, const char *database, const char *user, const char *password,
                  rh_err *err);
void rh_db_close(rh_db *db);   /* NULL is allowed */
PGconn *rh_db_conn(rh_db *db); /* for COPY and LISTEN; still owned by db */

/* As PQexec(), but that a server that hangs is given up. */
PGresult *rh_db_run(rh_db *db, const char *sql);
/* One or more statements without parameters. */
bool rh_db_exec(rh_db *db, const char *sql, rh_err *err);
/* rh_db_exec() in two: between them the server works, and the caller may do something else, on another
 * connection. */
bool rh_db_send(rh_db *db, const char *sql, rh_err *err);
bool rh_db_receive(rh_db *db, rh_err *err);
/* One statement with text parameters ($1 ...; NULL is SQL NULL). NULL on failure; the result is the arena's.
 */
PGresult *rh_db_query(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values, rh_err *err);
/* As rh_db_query for one value: its text ("" for NULL or no row), or NULL on failure. */
const char *rh_db_value(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values,
                        rh_err *err);

/* As rh_db_query(), for statements that are dear to plan: prepared once a connection, and planned once where
 * plan_cache_mode says so. sql is told by its address: a constant. */
PGresult *rh_db_query_kept(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *values,
                           rh_err *err);
/* What was prepared is gone: a script has said DEALLOCATE or DISCARD. */
void rh_db_forget_kept(rh_db *db);

/* n statements in one round trip, inside the caller's transaction or one of their own. results (n of them,
 * may be NULL) are the arena's, NULL where there was none. The first statement that fails ends it, up to the
 * next RH_DB_APART: *failed is its index, or of the first of them. */
typedef struct rh_db_call {
    const char *sql;
    int n;
    const char *const *values;
} rh_db_call;
/* Between two calls: what follows is not of the same transaction, and is done whatever became of the first.
 */
#define RH_DB_APART ((rh_db_call){NULL, 0, NULL})
bool rh_db_query_all(rh_db *db, rh_arena *a, const rh_db_call *calls, int n, PGresult **results, int *failed,
                     rh_err *err);

/* Commits that come next are written to disk by a later one: after a crash of the machine either none of them
 * is there, or those that came first. Before somebody is told that something is done, the last commit must be
 * one that is not lazy. Stays over RESET ALL in scripts of ours that ask rh_db_is_lazy(). */
bool rh_db_set_lazy(rh_db *db, bool lazy, rh_err *err);
bool rh_db_is_lazy(const rh_db *db);

/* Fills err from what libpq knows; either may be NULL, and every field of it too. */
bool rh_db_error(rh_err *err, const PGconn *conn, const PGresult *res);

#endif
