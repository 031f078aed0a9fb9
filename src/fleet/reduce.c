/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/reduce.h"

#include <stdlib.h>
#include <string.h>

struct rh_reduce {
    rh_db *db;
    const char *sql;
    rh_rows_fn rows;
    rh_failure_fn failed;
    void *arg;
    bool begun; /* the table stands and COPY is under way */
};

#define PATH "SET search_path = pg_temp, " RH_SHARED_SCHEMA ", " RH_REFERENCE_SCHEMA
#define MAX_CHUNK ((size_t)64 << 20)

rh_reduce *rh_reduce_new(const rh_operator *o, const char *sql, rh_rows_fn rows, rh_failure_fn failed,
                         void *arg, rh_err *err)
{
    rh_db *db = rh_app_connect(o->app, &o->app->first, RH_ROLE_OPERATOR, o->app->shared_db, err);
    if (!db || !rh_db_exec(db, PATH, err)) {
        rh_db_close(db);
        return NULL;
    }
    rh_reduce *r = rh_xcalloc(1, sizeof *r);
    *r = (rh_reduce){.db = db, .sql = sql, .rows = rows, .failed = failed, .arg = arg};
    return r;
}

void rh_reduce_free(rh_reduce *r)
{
    if (r)
        rh_db_close(r->db);
    free(r);
}

/* PostgreSQL's own types by their names; the app's own are other numbers in other databases: as text. */
static bool add_type(rh_reduce *r, rh_arena *a, Oid type, rh_str *sql, rh_err *err)
{
    const char *number = rh_arena_printf(a, "%u", type < 16384 ? type : 25u);
    const char *name = rh_db_value(r->db, a, "SELECT format_type($1, NULL)", 1, &number, err);
    rh_str_add(sql, name ? name : "");
    return name != NULL;
}

static bool begin(rh_reduce *r, const PGresult *layout, rh_err *err)
{
    rh_str sql;
    rh_arena *a = rh_arena_new();
    bool ok = true;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "CREATE TEMPORARY TABLE rows (");
    for (int c = 0; ok && c < PQnfields(layout); c++) {
        rh_str_add(&sql, c ? ", " : "");
        rh_str_add_ident(&sql, PQfname(layout, c));
        rh_str_addc(&sql, ' ');
        ok = add_type(r, a, PQftype(layout, c), &sql, err);
    }
    rh_str_addc(&sql, ')');
    ok = ok && rh_db_exec(r->db, rh_str_cstr(&sql), err);
    if (!ok && strcmp(err->sqlstate, "42701") == 0)
        rh_err_hint(err, "For --reduce every column needs a name of its own, none of them \"tenant\".");
    PGresult *res = ok ? PQexec(rh_db_conn(r->db), "COPY pg_temp.rows FROM STDIN") : NULL;
    if (ok && PQresultStatus(res) != PGRES_COPY_IN)
        ok = rh_db_error(err, rh_db_conn(r->db), res);
    PQclear(res);
    rh_arena_free(a);
    return r->begun = ok;
}

/* A value in COPY's text format. */
static void add_value(rh_str *out, const char *text, int len)
{
    for (int i = 0; i < len; i++) {
        char c = text[i], escape = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\\' ? '\\' : 0;
        if (escape)
            rh_str_addc(out, '\\');
        rh_str_addc(out, escape ? escape : c);
    }
}

bool rh_reduce_rows(void *reduce, const PGresult *rows, rh_err *err)
{
    rh_reduce *r = reduce;
    rh_str out;
    if (!r->begun && !begin(r, rows, err))
        return false;
    rh_str_init(&out, MAX_CHUNK);
    bool ok = true;
    for (int row = 0; ok && row < PQntuples(rows); row++) {
        rh_str_clear(&out);
        for (int c = 0; c < PQnfields(rows); c++) {
            rh_str_add(&out, c ? "\t" : "");
            if (PQgetisnull(rows, row, c))
                rh_str_add(&out, "\\N");
            else
                add_value(&out, PQgetvalue(rows, row, c), PQgetlength(rows, row, c));
        }
        rh_str_addc(&out, '\n');
        if (out.overflow)
            ok = rh_err_set(err, RH_E_TOO_LARGE, "a row is longer than %zu MiB", MAX_CHUNK >> 20);
        else if (PQputCopyData(rh_db_conn(r->db), out.data, (int)out.len) != 1)
            ok = rh_db_error(err, rh_db_conn(r->db), NULL);
    }
    rh_str_release(&out);
    return ok;
}

void rh_reduce_failure(void *reduce, const char *label, const rh_err *why)
{
    rh_reduce *r = reduce;
    r->failed(r->arg, label, why);
}

static bool end_copy(rh_reduce *r, rh_err *err)
{
    PGconn *conn = rh_db_conn(r->db);
    bool ok = PQputCopyEnd(conn, NULL) == 1 || rh_db_error(err, conn, NULL);
    for (PGresult *res; ok && (res = PQgetResult(conn)); PQclear(res))
        ok = PQresultStatus(res) == PGRES_COMMAND_OK || rh_db_error(err, conn, res);
    return ok;
}

/* In portions: a union may be reduced to something that is large as well. */
static bool hand_on(rh_reduce *r, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    PGresult *res = NULL;
    const char *declare = rh_arena_printf(a, "DECLARE reduced NO SCROLL CURSOR FOR %s", r->sql);
    bool ok = rh_db_exec(r->db, "BEGIN READ ONLY", err) && rh_db_query(r->db, a, declare, 0, NULL, err);
    if (!ok)
        rh_err_context(err, "reduce");
    while (ok && (!res || PQntuples(res) > 0)) {
        rh_arena_clear(a);
        res = rh_db_query(r->db, a, "FETCH 500 FROM reduced", 0, NULL, err);
        ok = res ? r->rows(r->arg, res, err) : rh_err_context(err, "reduce");
    }
    rh_arena_free(a);
    return ok;
}

bool rh_reduce_finish(rh_reduce *r, rh_err *err)
{
    if (!r->begun)
        return rh_err_set(err, RH_E_STATE, "no home answered, so there is nothing to reduce");
    return end_copy(r, err) && rh_db_exec(r->db, "ANALYZE pg_temp.rows", err) && hand_on(r, err);
}
