/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "home/home.h"
#include "migrate/script.h"
#include "sql.h"

#define ON_CREATE "tenant/on_create.sql"
#define MAX_SCRIPT ((size_t)1 << 20)

/* 1 when the tenant's root row is there, 0 when not, -1 on failure. */
static int has_root_row(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *tenant_id,
                        rh_err *err)
{
    const char *params[] = {home->schema, app->conf->app_root};
    const char *column = rh_db_value(db, a, rh_sql_homes_root_key, 2, params, err);
    if (!column)
        return -1;
    if (!*column) {
        rh_err_set(err, RH_E_STATE, "table %s has no primary key of one column, or is not there",
                   app->conf->app_root);
        rh_err_hint(err, "`rowhouse migrate` makes the tables; `rowhouse lint` checks them.");
        return -1;
    }
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "SELECT 1 FROM ");
    rh_str_add_ident(&sql, home->schema);
    rh_str_addc(&sql, '.');
    rh_str_add_ident(&sql, app->conf->app_root);
    rh_str_add(&sql, " WHERE ");
    rh_str_add_ident(&sql, column);
    rh_str_add(&sql, " = $1");
    const char *found = rh_db_value(db, a, rh_str_cstr(&sql), 1, &tenant_id, err);
    return found ? *found == '1' : -1;
}

static bool run_statement(rh_db *db, rh_arena *a, const rh_script_piece *piece, const rh_profile *profile,
                          rh_err *err)
{
    const char *text, **values;
    int *used, n;
    if (!rh_script_bind(a, rh_arena_strndup(a, piece->text, piece->len), profile->names, profile->n, &text,
                        &used, &n, err))
        return false;
    values = RH_NEW_ARRAY(a, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        values[i] = profile->values[used[i]];
    return rh_db_query(db, a, text, n, values, err) != NULL;
}

static bool run_on_create(const rh_app *app, rh_db *db, rh_arena *a, const rh_profile *profile, rh_err *err)
{
    rh_script_pieces pieces = {0};
    const char *path = rh_arena_printf(a, "%s/" ON_CREATE, app->conf->dir);
    size_t len;
    const char *text = rh_file_read(a, path, MAX_SCRIPT, &len, err);
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
    if (!rh_script_split(a, copy, len, &pieces, err))
        return rh_err_context(err, ON_CREATE);
    for (size_t i = 0; i < pieces.len; i++) {
        pieces.items[i].text = text + (pieces.items[i].text - copy);
        if (!run_statement(db, a, &pieces.items[i], profile, err))
            return rh_err_context(err, ON_CREATE ":%d", pieces.items[i].line);
    }
    return true;
}

/* The root row of an app without a tenant key is the app's own affair. */
static bool insert_root(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *tenant_id,
                        const rh_profile *profile, rh_err *err)
{
    const rh_conf *conf = app->conf;
    int there = conf->keyed ? has_root_row(app, home, db, a, tenant_id, err) : 0;
    if (there)
        return there > 0;
    if (!run_on_create(app, db, a, profile, err))
        return false;
    there = conf->keyed ? has_root_row(app, home, db, a, tenant_id, err) : 1;
    if (there)
        return there > 0;
    return rh_err_set(err, RH_E_CONF, ON_CREATE " did not insert the row of %s with the tenant's id",
                      conf->app_root);
}

/* Without a root row to look for, a note in the home says that on_create.sql has run. */
static bool needs_admission(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, bool *needed,
                            rh_err *err)
{
    *needed = true;
    if (app->conf->keyed)
        return true;
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), "admitted"};
    PGresult *res = rh_db_query(db, a, rh_sql_homes_applied, 2, params, err);
    *needed = res && PQntuples(res) == 0;
    return res != NULL;
}

static bool note_admission(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), "admitted", "1", "on_create",
                            ""};
    return app->conf->keyed || rh_db_query(db, a, rh_sql_homes_note_applied, 5, params, err);
}

bool rh_home_admit(const rh_app *app, const rh_home *home, rh_db *db, const char *tenant_id,
                   const rh_profile *profile, rh_err *err)
{
    rh_err ignored;
    bool needed = true;
    rh_arena *a = rh_arena_new();
    const char *path = rh_arena_printf(a, "SET LOCAL search_path = %s", rh_home_search_path(a, home));
    bool ok = rh_db_exec(db, "BEGIN", err) && needs_admission(app, home, db, a, &needed, err);
    if (ok && needed)
        ok = rh_db_exec(db, path, err) && rh_home_bind(db, tenant_id, err) &&
             insert_root(app, home, db, a, tenant_id, profile, err) && note_admission(app, home, db, a, err);
    ok = ok && rh_db_exec(db, "COMMIT", err);
    if (!ok)
        rh_db_exec(db, "ROLLBACK", &ignored);
    rh_arena_free(a);
    return ok;
}
