/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cluster.h"
#include "home/model.h"
#include "sql.h"

static bool make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    (void)app, (void)home, (void)shared, (void)err;
    return true; /* the tables are there since the first migration */
}

const char *rh_home_shares(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err)
{
    bool citus;
    if (!rh_cluster_is_citus(shared, &citus, err))
        return NULL;
    const char *sizes =
        citus ? rh_db_value(shared, a, rh_sql_citus_table_sizes, 1, &home->schema, err) : "{}";
    const char *params[] = {home->schema, app->conf->app_tenant_key, app->conf->app_root, sizes};
    const char *order = sizes ? rh_db_value(shared, a, rh_sql_homes_share_order, 4, params, err) : NULL;
    return order ? rh_db_value(shared, a, order, 0, NULL, err) : NULL;
}

/* Deletes the tenant's rows, the tables that refer to others first; the operator is under no policy. */
static bool drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err)
{
    const char *params[] = {home->schema, app->conf->app_tenant_key, app->conf->app_root, tenant_id};
    rh_err ignored;
    rh_arena *a = rh_arena_new();
    bool ok = rh_db_exec(shared, "BEGIN; SET CONSTRAINTS ALL DEFERRED", err);
    PGresult *res = ok ? rh_db_query(shared, a, rh_sql_homes_tenant_rows, 4, params, err) : NULL;
    ok = res != NULL;
    for (int i = ok ? PQntuples(res) : 0; ok && i > 0; i--)
        ok = rh_db_exec(shared, PQgetvalue(res, i - 1, 2), err);
    ok = ok && rh_db_exec(shared, "COMMIT", err);
    if (!ok)
        rh_db_exec(shared, "ROLLBACK", &ignored);
    rh_arena_free(a);
    return ok;
}

static bool exists(const rh_app *app, const rh_home *home, rh_db *shared, bool *there, rh_err *err)
{
    (void)app, (void)home, (void)shared, (void)err;
    *there = true;
    return true;
}

const rh_home_model rh_home_model_shared = {
    .make = make, .exists = exists, .dump = rh_dump_rows, .dump_suffix = ".sql", .drop = drop};
