/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cluster.h"
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
    bool citus;
    return rh_cluster_is_citus(db, &citus, err) && expand_and_run(app, db, rh_sql_fittings_applied, err) &&
           expand_and_run(app, db, rh_sql_fittings_reference, err) &&
           expand_and_run(app, db, citus ? rh_sql_citus_tenant_id : rh_sql_fittings_tenant_id, err);
}

bool rh_home_bind(rh_db *db, const char *tenant_id, rh_err *err)
{
    bool citus;
    rh_arena *a = rh_arena_new();
    bool ok = rh_cluster_is_citus(db, &citus, err) &&
              rh_db_query(db, a, citus ? "SELECT rowhouse.enter($1)" : rh_sql_homes_bind, 1, &tenant_id, err);
    rh_arena_free(a);
    return ok;
}

/* Under search_path = pg_catalog every name that PostgreSQL prints is qualified. SET LOCAL when a transaction
 * is open. */
static bool with_plain_path(rh_db *db, rh_err *err)
{
    bool in_transaction = PQtransactionStatus(rh_db_conn(db)) == PQTRANS_INTRANS;
    return rh_db_exec(
        db, in_transaction ? "SET LOCAL search_path = pg_catalog" : "SET search_path = pg_catalog", err);
}

/* The fittings' queries cost more to plan than to run, and most in a backend's first one. */
#define PLANNED_ONCE "SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan"

/* What is wrong and cannot be put right here ends the transaction: nothing of it is ever served. */
static bool check(rh_db *db, rh_arena *a, const char *sql, int n, const char *const *params, rh_err *err)
{
    PGresult *res = rh_db_query_kept(db, a, sql, n, params, err);
    if (!res || PQntuples(res) == 0)
        return res != NULL;
    rh_err_set(err, RH_E_LINT, "%s", PQgetvalue(res, 0, 0));
    if (PQntuples(res) > 1)
        rh_err_detail(err, "and %d more like it", PQntuples(res) - 1);
    return rh_err_hint(err, "%s", PQgetvalue(res, 0, 1));
}

static bool check_home(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, bool citus,
                       rh_err *err)
{
    const char *params[] = {home->schema, app->conf->app_tenant_key, app->conf->app_root,
                            home->model == RH_MODEL_SHARED ? "" : "own"};
    const char *schemas[] = {home->schema, RH_REFERENCE_SCHEMA};
    return check(db, a, rh_sql_fittings_check, 4, params, err) &&
           (!citus || check(db, a, rh_sql_citus_check, 2, schemas, err));
}

/* Runs the commands that a query gave, in its order. */
static bool run_commands(rh_db *db, rh_arena *a, const PGresult *commands, rh_home_fitted *out, rh_err *err)
{
    int n = commands ? PQntuples(commands) : 0, failed;
    rh_db_call *calls = RH_NEW_ARRAY(a, rh_db_call, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        calls[i].sql = PQgetvalue(commands, i, 0);
        if (out->commands)
            rh_str_addf(out->commands, "%s;\n", calls[i].sql);
    }
    out->n += n;
    return commands && (!n || rh_db_query_all(db, a, calls, n, NULL, &failed, err) ||
                        rh_err_context(err, "fitting failed: %s", calls[failed].sql));
}

/* Citus takes policies, defaults and grants of a table along when it is distributed, so that comes after
 * them. Views that it then brings to the workers by itself come without their grants: what they need is asked
 * for before. */
static bool distribute(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *whose,
                       rh_home_fitted *out, rh_err *err)
{
    const char *tables[] = {home->schema, RH_REFERENCE_SCHEMA, app->conf->app_tenant_key, app->conf->app_root,
                            whose},
               *rest[] = {home->schema, RH_REFERENCE_SCHEMA, app->server};
    const PGresult *spread = rh_db_query(db, a, rh_sql_citus_spread, 3, rest, err);
    return spread &&
           run_commands(db, a, rh_db_query(db, a, rh_sql_citus_distribute, 5, tables, err), out, err) &&
           run_commands(db, a, spread, out, err);
}

bool rh_home_fit(const rh_app *app, const rh_home *home, rh_db *db, rh_home_fitted *out, rh_err *err)
{
    bool citus;
    rh_home_fitted unasked = {0};
    const char *whose = home->model == RH_MODEL_SHARED ? "" : home->tenant ? home->tenant : "template";
    rh_arena *a = rh_arena_new();
    bool ok =
        rh_cluster_is_citus(db, &citus, err) && with_plain_path(db, err) && rh_db_exec(db, PLANNED_ONCE, err);
    const char *params[] = {home->schema,
                            RH_REFERENCE_SCHEMA,
                            app->conf->app_tenant_key,
                            app->conf->app_root,
                            app->owner,
                            app->server,
                            whose,
                            rh_id_type_name(app->conf),
                            ok && citus ? "true" : "false",
                            home->model == RH_MODEL_DATABASE ? "true" : "false"};
    out = out ? out : &unasked;
    ok = ok &&
         run_commands(db, a, rh_db_query_kept(db, a, rh_sql_fittings_commands, 10, params, err), out, err) &&
         check_home(app, home, db, a, citus, err) &&
         (!citus || distribute(app, home, db, a, whose, out, err));
    rh_arena_free(a);
    return ok;
}

/* Its many small expressions take seconds to compile, which PostgreSQL does when it thinks the query costly:
 * on Citus. */
#define WITHOUT_JIT "SET jit = off"

const char *rh_home_introspect(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err)
{
    const char *params[] = {home->schema, RH_REFERENCE_SCHEMA, app->conf->app_tenant_key, app->conf->app_root,
                            app->server};
    if (!with_plain_path(db, err) || !rh_db_exec(db, WITHOUT_JIT, err))
        return NULL;
    return rh_db_value(db, a, rh_sql_rest_introspect, 5, params, err);
}
