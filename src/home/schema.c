/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "home/model.h"
#include "sql.h"

/* A name asked for must be free: what stands there and is not this home's is somebody's. */
static bool make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {home->schema, rh_home_mark(a, home)};
    PGresult *res = rh_db_query(shared, a, rh_sql_homes_schema_mark, 1, params, err);
    bool ok = res != NULL, exists = ok && PQntuples(res) > 0;
    if (exists && strcmp(PQgetvalue(res, 0, 0), params[1]) != 0) {
        rh_err_set(err, RH_E_EXISTS, "schema %s exists and is not this home's", home->schema);
        ok = rh_err_hint(err, "Choose another name, or leave it to Rowhouse.");
    }
    if (ok && !exists) {
        rh_str sql;
        rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
        rh_str_add(&sql, "BEGIN; CREATE SCHEMA ");
        rh_str_add_ident(&sql, home->schema);
        rh_str_add(&sql, " AUTHORIZATION ");
        rh_str_add_ident(&sql, app->owner);
        rh_str_add(&sql, "; COMMENT ON SCHEMA ");
        rh_str_add_ident(&sql, home->schema);
        rh_str_add(&sql, " IS ");
        rh_str_add_literal(&sql, params[1]);
        rh_str_add(&sql, "; COMMIT");
        rh_err ignored;
        ok = rh_db_exec(shared, rh_str_cstr(&sql), err);
        if (!ok)
            rh_db_exec(shared, "ROLLBACK", &ignored);
    }
    rh_arena_free(a);
    return ok;
}

static bool exists(const rh_app *app, const rh_home *home, rh_db *shared, bool *there, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    (void)app;
    PGresult *res = rh_db_query(shared, a, rh_sql_homes_schema_mark, 1, &home->schema, err);
    *there = res && PQntuples(res) > 0 && strcmp(PQgetvalue(res, 0, 0), rh_home_mark(a, home)) == 0;
    rh_arena_free(a);
    return res != NULL;
}

static bool dump(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                 const char *path, rh_err *err)
{
    (void)shared, (void)tenant_id;
    return rh_dump_program(app, home, home->schema, path, err);
}

static bool drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id)};
    rh_str sql;
    bool ours;
    (void)tenant_id;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "DROP SCHEMA IF EXISTS ");
    rh_str_add_ident(&sql, home->schema);
    rh_str_add(&sql, " CASCADE");
    bool ok =
        exists(app, home, shared, &ours, err) && (!ours || rh_db_exec(shared, rh_str_cstr(&sql), err)) &&
        rh_db_query(shared, a, "DELETE FROM rowhouse.applied_migrations WHERE home = $1", 1, params, err);
    rh_arena_free(a);
    return ok;
}

const rh_home_model rh_home_model_schema = {
    .make = make, .exists = exists, .dump = dump, .dump_suffix = ".dump", .drop = drop};
