/* SPDX-License-Identifier: Apache-2.0 */
#include "home/home.h"
#include "migrate/script.h"
#include "sql.h"

const char *rh_id_type_name(const rh_conf *conf)
{
    return conf->id_type == RH_ID_UUID ? "uuid" : "bigint";
}

static bool expand_and_run(const rh_app *app, rh_db *db, const char *text, rh_err *err)
{
    const rh_script_var vars[] = {{"owner", app->owner},
                                  {"server", app->server},
                                  {"operator", app->operator_name},
                                  {"id_type", rh_id_type_name(app->conf)},
                                  {NULL, NULL}};
    rh_str sql;
    rh_str_init(&sql, RH_STR_TEXT_MAX);
    bool ok = rh_script_expand(&sql, text, vars, err) && rh_db_exec(db, rh_str_cstr(&sql), err);
    rh_str_release(&sql);
    return ok;
}

bool rh_home_prepare_database(const rh_app *app, rh_db *db, rh_err *err)
{
    return expand_and_run(app, db, rh_sql_fittings_applied, err) &&
           expand_and_run(app, db, rh_sql_fittings_reference, err) &&
           expand_and_run(app, db, rh_sql_fittings_tenant_id, err);
}

/* Under search_path = pg_catalog every name that PostgreSQL prints is qualified. SET LOCAL when a transaction
 * is open. */
static bool with_plain_path(rh_db *db, rh_err *err)
{
    bool in_transaction = PQtransactionStatus(rh_db_conn(db)) == PQTRANS_INTRANS;
    return rh_db_exec(
        db, in_transaction ? "SET LOCAL search_path = pg_catalog" : "SET search_path = pg_catalog", err);
}

/* What is wrong and cannot be put right here ends the transaction: nothing of it is ever served. */
static bool check(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err)
{
    const char *params[] = {home->schema, app->conf->app_tenant_key, app->conf->app_root,
                            home->model == RH_MODEL_SHARED ? "" : "own"};
    PGresult *res = rh_db_query(db, a, rh_sql_fittings_check, 4, params, err);
    if (!res || PQntuples(res) == 0)
        return res != NULL;
    rh_err_set(err, RH_E_LINT, "%s", PQgetvalue(res, 0, 0));
    if (PQntuples(res) > 1)
        rh_err_detail(err, "and %d more like it", PQntuples(res) - 1);
    return rh_err_hint(err, "%s", PQgetvalue(res, 0, 1));
}

bool rh_home_fit(const rh_app *app, const rh_home *home, rh_db *db, int *n_commands, rh_err *err)
{
    const char *params[] = {home->schema,
                            RH_REFERENCE_SCHEMA,
                            app->conf->app_tenant_key,
                            app->conf->app_root,
                            app->owner,
                            app->server,
                            home->model == RH_MODEL_SHARED ? ""
                            : home->tenant                 ? home->tenant
                                                           : "template",
                            rh_id_type_name(app->conf)};
    bool ok = false;
    rh_arena *a = rh_arena_new();
    if (!with_plain_path(db, err))
        goto out;
    PGresult *res = rh_db_query(db, a, rh_sql_fittings_commands, 8, params, err);
    if (!res)
        goto out;
    int n = PQntuples(res);
    for (int i = 0; i < n; i++)
        if (!rh_db_exec(db, PQgetvalue(res, i, 0), err)) {
            rh_err_context(err, "fitting failed: %s", PQgetvalue(res, i, 0));
            goto out;
        }
    if (n_commands)
        *n_commands = n;
    ok = check(app, home, db, a, err);
out:
    rh_arena_free(a);
    return ok;
}

const char *rh_home_introspect(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err)
{
    const char *params[] = {home->schema, RH_REFERENCE_SCHEMA, app->conf->app_tenant_key, app->conf->app_root,
                            app->server};
    if (!with_plain_path(db, err))
        return NULL;
    return rh_db_value(db, a, rh_sql_rest_introspect, 5, params, err);
}
