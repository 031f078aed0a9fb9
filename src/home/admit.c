/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "home/home.h"
#include "migrate/script.h"
#include "sql.h"

#define ON_CREATE "tenant/on_create.sql"
#define MAX_SCRIPT ((size_t)1 << 20)
#define AROUND_MAX 8 /* statements of ours around the app's */

/* ---- the root row ---- */

const char *rh_home_root_key(const rh_app *app, rh_db *db, rh_arena *a, const char *schema, rh_err *err)
{
    const char *params[] = {schema, app->conf->app_root};
    PGresult *res = rh_db_query_kept(db, a, rh_sql_homes_root_key, 2, params, err);
    if (res && PQntuples(res) > 0)
        return PQgetvalue(res, 0, 0);
    if (res) {
        rh_err_set(err, RH_E_STATE, "table %s has no primary key of one column, or is not there",
                   app->conf->app_root);
        rh_err_hint(err, "`rowhouse migrate` makes the tables; `rowhouse lint` checks them.");
    }
    return NULL;
}

static const char *of_root_row(const rh_app *app, const rh_home *home, rh_arena *a, const char *key,
                               const char *what)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_addf(&sql, "SELECT %s FROM ", what);
    rh_str_add_ident(&sql, home->schema);
    rh_str_addc(&sql, '.');
    rh_str_add_ident(&sql, app->conf->app_root);
    rh_str_add(&sql, " WHERE ");
    rh_str_add_ident(&sql, key);
    rh_str_add(&sql, " = $1");
    return rh_str_cstr(&sql);
}

/* ---- the app's statements ---- */

static bool bind_statement(rh_arena *a, const rh_script_piece *piece, const rh_profile *profile,
                           rh_db_call *call, rh_err *err)
{
    int *used;
    if (!rh_script_bind(a, rh_arena_strndup(a, piece->text, piece->len), profile->names, profile->n,
                        &call->sql, &used, &call->n, err))
        return false;
    const char **values = RH_NEW_ARRAY(a, const char *, (size_t)call->n + 1);
    for (int i = 0; i < call->n; i++)
        values[i] = profile->values[used[i]];
    call->values = values;
    return true;
}

/* The statements of on_create.sql; none where an app without a tenant key has no such file. */
static bool read_statements(const rh_app *app, rh_arena *a, rh_script_pieces *out, rh_err *err)
{
    const char *path = rh_arena_printf(a, "%s/" ON_CREATE, app->conf->dir);
    size_t len;
    const char *text = rh_file_read(a, path, MAX_SCRIPT, &len, err);
    *out = (rh_script_pieces){0};
    if (!text) {
        if (err->code == RH_E_NOT_FOUND && !app->conf->keyed)
            return true;
        if (err->code == RH_E_NOT_FOUND) {
            rh_err_set(err, RH_E_CONF, "the app has no " ON_CREATE);
            rh_err_hint(err,
                        "It inserts the tenant's own row, for example: INSERT INTO %s (id, name) VALUES "
                        "(:id, :name);",
                        app->conf->app_root);
        }
        return false;
    }
    const char *copy = rh_script_with_parameters(a, text, len);
    if (!rh_script_split(a, copy, len, out, err))
        return rh_err_context(err, ON_CREATE);
    for (size_t i = 0; i < out->len; i++)
        out->items[i].text = text + (out->items[i].text - copy);
    return true;
}

#define MUST_BE_THERE "1 / count(*)" /* else an error, so that the COMMIT behind it is not reached */
#define DIVISION_BY_ZERO "22012"

/* Runs them between `before` (n_before calls) and what makes sure of them, and commits; in one round trip. */
static bool run_statements(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a,
                           const char *root_key, const char *const *tenant_id, const rh_profile *profile,
                           const rh_db_call *before, int n_before, rh_err *err)
{
    rh_script_pieces pieces;
    int n = n_before, failed;
    if (!read_statements(app, a, &pieces, err))
        return false;
    rh_db_call *calls = RH_NEW_ARRAY(a, rh_db_call, pieces.len + AROUND_MAX);
    for (int i = 0; i < n_before; i++)
        calls[i] = before[i];
    for (size_t i = 0; i < pieces.len; i++, n++)
        if (!bind_statement(a, &pieces.items[i], profile, &calls[n], err))
            return rh_err_context(err, ON_CREATE ":%d", pieces.items[i].line);
    const char *note[] = {rh_arena_printf(a, "%lld", (long long)home->id), "admitted", "1", "on_create", ""};
    calls[n++] = app->conf->keyed
                     ? (rh_db_call){of_root_row(app, home, a, root_key, MUST_BE_THERE), 1, tenant_id}
                     : (rh_db_call){rh_sql_homes_note_applied, 5, note};
    calls[n++] = (rh_db_call){"COMMIT", 0, NULL};
    if (rh_db_query_all(db, a, calls, n, NULL, &failed, err))
        return true;
    size_t at = (size_t)(failed - n_before);
    if (failed >= n_before && at < pieces.len)
        return rh_err_context(err, ON_CREATE ":%d", pieces.items[at].line);
    return at == pieces.len && app->conf->keyed && strcmp(err->sqlstate, DIVISION_BY_ZERO) == 0 &&
           rh_err_set(err, RH_E_CONF, ON_CREATE " did not insert the row of %s with the tenant's id",
                      app->conf->app_root);
}

/* ---- letting in ---- */

/* One at a time, also where the client of another was killed while its statements still run. */
#define LOCK "SELECT pg_advisory_xact_lock(hashtext('rowhouse tenant'), hashtext($1))"

static const char *set_path(rh_arena *a, const rh_home *home)
{
    return rh_arena_printf(a, "SET LOCAL search_path = %s", rh_home_search_path(a, home));
}

bool rh_home_admit_new(const rh_app *app, const rh_home *home, rh_db *db, const char *root_key,
                       const char *tenant_id, const rh_profile *profile, bool lazy, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const rh_db_call before[] = {{"BEGIN", 0, NULL},
                                 {lazy ? "SET LOCAL synchronous_commit = off" : "SELECT", 0, NULL},
                                 {LOCK, 1, &tenant_id},
                                 {set_path(a, home), 0, NULL},
                                 {rh_sql_homes_bind, 1, &tenant_id}};
    int n = sizeof before / sizeof *before,
        skip = PQtransactionStatus(rh_db_conn(db)) == PQTRANS_IDLE ? 0 : 2;
    bool ok = run_statements(app, home, db, a, root_key, &tenant_id, profile, before + skip, n - skip, err);
    rh_arena_free(a);
    return ok;
}

/* Whether the tenant's root row stands there already; in an app without a tenant key the home has a note that
 * on_create.sql has run. */
static bool is_admitted(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *tenant_id,
                        const char **root_key, bool *admitted, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), "admitted"};
    PGresult *res;
    if (app->conf->keyed) {
        *root_key = rh_home_root_key(app, db, a, home->schema, err);
        res = *root_key && rh_home_bind(db, tenant_id, err)
                  ? rh_db_query(db, a, of_root_row(app, home, a, *root_key, "1"), 1, &tenant_id, err)
                  : NULL;
    } else {
        res = rh_db_query(db, a, rh_sql_homes_applied, 2, params, err);
    }
    *admitted = res && PQntuples(res) > 0;
    return res != NULL;
}

bool rh_home_admit(const rh_app *app, const rh_home *home, rh_db *db, const char *tenant_id,
                   const rh_profile *profile, rh_err *err)
{
    rh_err ignored;
    bool admitted = false;
    const char *root_key = NULL;
    int failed;
    rh_arena *a = rh_arena_new();
    const rh_db_call begin[] = {{"BEGIN", 0, NULL}, {LOCK, 1, &tenant_id}, {set_path(a, home), 0, NULL}};
    bool ok = rh_db_query_all(db, a, begin, 3, NULL, &failed, err) &&
              is_admitted(app, home, db, a, tenant_id, &root_key, &admitted, err);
    if (ok && !admitted)
        ok = (app->conf->keyed || rh_home_bind(db, tenant_id, err)) &&
             run_statements(app, home, db, a, root_key, &tenant_id, profile, NULL, 0, err);
    else if (ok)
        ok = rh_db_exec(db, "COMMIT", err);
    if (!ok)
        rh_db_exec(db, "ROLLBACK", &ignored);
    rh_arena_free(a);
    return ok;
}
