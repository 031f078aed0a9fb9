/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/spawn.h"
#include "home/model.h"
#include "server/programs.h"
#include "sql.h"

#define LOCK_WAIT "--lock-wait-timeout=60s" /* for a migration that holds a table */

bool rh_dump_program(const rh_app *app, const rh_home *home, const char *schema, const char *path,
                     rh_err *err)
{
    const char *bindir, *conninfo, *argv[12];
    int n = 0;
    rh_spawn_result result;
    rh_arena *a = rh_arena_new();
    bool ok =
        (conninfo = rh_app_conninfo(app, home->node, a, RH_ROLE_OPERATOR, home->database, err)) != NULL &&
        rh_pg_bindir(a, app->conf->server_bin, "pg_dump", &bindir, err);
    if (ok) {
        const char *env[] = {rh_arena_printf(a, "PGPASSWORD=%s", rh_app_password(app, RH_ROLE_OPERATOR)),
                             "PGOPTIONS", NULL};
        argv[n++] = rh_arena_printf(a, "%s/pg_dump", bindir);
        argv[n++] = "-Fc";
        argv[n++] = "--no-password";
        argv[n++] = LOCK_WAIT;
        argv[n++] = "-f";
        argv[n++] = path;
        if (schema) {
            argv[n++] = "-n"; /* takes a pattern, but not inside quotes */
            argv[n++] = rh_arena_printf(a, "\"%s\"", schema);
        }
        argv[n++] = "-d";
        argv[n++] = conninfo;
        argv[n] = NULL;
        const rh_spawn s = {.argv = argv, .env = env, .stop_fd = app->stop_fd};
        ok = rh_spawn_run(a, &s, &result, err);
    }
    if (ok && result.status != 0) {
        ok = rh_err_set(err, RH_E_IO, "pg_dump ended with status %d", result.status);
        rh_err_detail(err, "%s", result.output);
        rh_err_hint(err,
                    "pg_dump must not be older than the server: server.bin says where PostgreSQL's programs "
                    "are. Without a dump: --no-dump.");
    }
    rh_arena_free(a);
    return ok;
}

/* ---- a tenant's rows of shared tables ---- */

static bool write_error(const char *path, rh_err *err)
{
    return rh_err_set(err, RH_E_IO, "cannot write %s: %s", path, strerror(errno));
}

/* The rows of one COPY ... TO STDOUT as they come, and the line that ends them. */
static bool copy_out(rh_db *db, const char *sql, FILE *out, const char *path, rh_err *err)
{
    PGconn *conn = rh_db_conn(db);
    char *row;
    int n;
    bool written = true;
    PGresult *res = PQexec(conn, sql);
    bool ok = PQresultStatus(res) == PGRES_COPY_OUT || rh_db_error(err, conn, res);
    PQclear(res);
    if (!ok)
        return false;
    while ((n = PQgetCopyData(conn, &row, 0)) > 0) {
        written = written && fwrite(row, 1, (size_t)n, out) == (size_t)n;
        PQfreemem(row);
    }
    while ((res = PQgetResult(conn))) {
        if (PQresultStatus(res) != PGRES_COMMAND_OK)
            ok = rh_db_error(err, conn, res);
        PQclear(res);
    }
    return ok && ((written && fputs("\\.\n\n", out) >= 0) || write_error(path, err));
}

static bool write_rows(const rh_app *app, rh_db *shared, const PGresult *tables, const char *tenant_id,
                       FILE *out, const char *path, rh_err *err)
{
    fprintf(out,
            "-- Rowhouse: the rows of tenant %s of app %s.\n"
            "-- Restore them into tables that have none of them: psql -d %s -f THIS_FILE, as %s.\n\n"
            "\\set ON_ERROR_STOP on\n"
            "SET client_encoding = 'UTF8';\n"
            "SET search_path = pg_catalog;\n"
            "BEGIN;\n"
            "SET CONSTRAINTS ALL DEFERRED;\n\n",
            tenant_id, app->conf->app_name, app->shared_db, app->operator_name);
    for (int i = 0; i < PQntuples(tables); i++) {
        fprintf(out, "%s\n", PQgetvalue(tables, i, 1));
        if (!copy_out(shared, PQgetvalue(tables, i, 0), out, path, err))
            return false;
    }
    fputs("COMMIT;\n", out);
    return !ferror(out) || write_error(path, err);
}

bool rh_dump_rows(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                  const char *path, rh_err *err)
{
    const char *params[] = {home->schema, app->conf->app_tenant_key, app->conf->app_root, tenant_id};
    rh_err ignored;
    rh_arena *a = rh_arena_new();
    FILE *out = fopen(path, "w");
    bool ok = out || write_error(path, err);
    ok = ok && rh_db_exec(shared, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    PGresult *tables = ok ? rh_db_query(shared, a, rh_sql_homes_tenant_rows, 4, params, err) : NULL;
    ok = tables && write_rows(app, shared, tables, tenant_id, out, path, err);
    rh_db_exec(shared, "ROLLBACK", &ignored); /* it only read */
    if (out && fclose(out) != 0 && ok)
        ok = write_error(path, err);
    rh_arena_free(a);
    return ok;
}
