/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "app/install.h"
#include "home/model.h"
#include "sql.h"

/* The template's name when it is there to be cloned, else NULL. */
static const char *find_template(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a,
                                 rh_err *err)
{
    if (!home->id) /* the template itself */
        return NULL;
    PGresult *res = rh_db_query(shared, a, rh_sql_install_database_state, 1, &app->template_db, err);
    return res && PQntuples(res) > 0 && strcmp(PQgetvalue(res, 0, 0), app->owner) == 0 ? app->template_db
                                                                                       : NULL;
}

/* What a clone has of the template's migrations is its own from now on. */
static bool take_over(const rh_app *app, const rh_home *home, rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id)};
    rh_db *db = rh_app_connect(app, RH_ROLE_OPERATOR, home->database, err);
    bool ok = db && rh_home_prepare_database(app, db, err) &&
              rh_db_query(db, a, rh_sql_homes_take_over, 1, params, err);
    rh_db_close(db);
    return ok;
}

static bool make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *model = find_template(app, home, shared, a, err);
    bool ok =
        rh_install_database(app, home->database, model, err) && (!model || take_over(app, home, a, err));
    rh_arena_free(a);
    return ok;
}

static bool drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err)
{
    rh_str sql;
    (void)shared, (void)tenant_id;
    rh_db *db = rh_db_open(app->conninfo, NULL, NULL, NULL, err);
    rh_str_init(&sql, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "DROP DATABASE IF EXISTS ");
    rh_str_add_ident(&sql, home->database);
    rh_str_add(&sql, " WITH (FORCE)");
    bool ok = db && rh_db_exec(db, rh_str_cstr(&sql), err);
    rh_str_release(&sql);
    rh_db_close(db);
    return ok;
}

static bool size(const rh_app *app, const rh_home *home, rh_db *shared, int64_t *bytes, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    (void)app;
    const char *text = rh_db_value(shared, a, "SELECT pg_database_size($1)", 1, &home->database, err);
    bool ok = text && rh_parse_int(text, bytes);
    rh_arena_free(a);
    return ok;
}

const rh_home_model rh_home_model_database = {.own_database = true, .make = make, .drop = drop, .size = size};
