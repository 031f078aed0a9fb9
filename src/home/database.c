/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "app/cluster.h"
#include "app/install.h"
#include "base/step.h"
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

static bool is_the_apps(const rh_app *app, const char *name)
{
    return strcmp(name, app->catalog_db) == 0 || strcmp(name, app->shared_db) == 0 ||
           strcmp(name, app->template_db) == 0;
}

enum mark { ABSENT, OURS, UNMARKED, FOREIGN };

/* As a making that was cut off leaves it. Anything else that the app's owner has is somebody's: a dump that
 * was restored, say. */
static bool is_half_made(const rh_app *app, const rh_home *home, rh_arena *a, bool *out, rh_err *err)
{
    rh_db *db = rh_app_connect(app, home->node, RH_ROLE_ADMIN, home->database, err);
    PGresult *res = db ? rh_db_query(db, a, rh_sql_homes_half_made, 0, NULL, err) : NULL;
    bool ok = res != NULL;
    *out = ok && *PQgetvalue(res, 0, 0) == 't';
    if (ok && !*out && *PQgetvalue(res, 0, 1) == 't') {
        const char *params[] = {"0", "tenant"}; /* the template's, until the clone takes them over */
        res = rh_db_query(db, a, rh_sql_homes_applied, 2, params, err);
        ok = res != NULL;
        *out = ok && PQntuples(res) > 0;
    }
    rh_db_close(db);
    return ok;
}

/* Whose the database is. UNMARKED: the app's owner has it and nobody's mark is on it, as it is between its
 * making and its mark. */
static bool read_mark(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a, enum mark *out,
                      rh_err *err)
{
    bool half_made;
    PGresult *res = rh_db_query(shared, a, rh_sql_homes_database_mark, 1, &home->database, err);
    if (!res)
        return false;
    const char *comment = PQntuples(res) ? PQgetvalue(res, 0, 1) : "";
    *out = PQntuples(res) == 0                           ? ABSENT
           : strcmp(comment, rh_home_mark(a, home)) == 0 ? OURS
           : *comment || is_the_apps(app, home->database) || strcmp(PQgetvalue(res, 0, 0), app->owner) != 0
               ? FOREIGN
               : UNMARKED;
    if (*out != UNMARKED)
        return true;
    if (!is_half_made(app, home, a, &half_made, err))
        return false;
    *out = half_made ? UNMARKED : FOREIGN;
    return true;
}

static bool set_mark(const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "COMMENT ON DATABASE ");
    rh_str_add_ident(&sql, home->database);
    rh_str_add(&sql, " IS ");
    rh_str_add_literal(&sql, rh_home_mark(a, home));
    return rh_db_exec(shared, rh_str_cstr(&sql), err);
}

/* A home of a tenant; the template (number 0) is the app's own and bears no mark. */
static bool make_home(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err)
{
    enum mark mark;
    if (!read_mark(app, home, shared, a, &mark, err))
        return false;
    if (mark == FOREIGN) {
        rh_err_set(err, RH_E_EXISTS, "database %s exists and is not this home's", home->database);
        return rh_err_hint(
            err,
            "Choose another name, or leave it to Rowhouse. If it is the tenant's old database: `rowhouse "
            "tenant adopt %s`.",
            home->database);
    }
    const char *model = find_template(app, home, shared, a, err);
    if (!rh_install_database(app, home->node, home->database, model, err))
        return false;
    rh_step("create.database");
    return set_mark(home, shared, a, err);
}

/* A database of one tenant belongs to one server; Citus spreads tables. */
static bool refuse_citus(const rh_home *home, rh_db *shared, rh_err *err)
{
    bool citus;
    if (!rh_cluster_is_citus(shared, &citus, err))
        return false;
    if (!citus)
        return true;
    rh_err_set(err, RH_E_STATE,
               "node %s is a Citus coordinator: databases of single tenants do not stand there",
               home->node->name);
    return rh_err_hint(
        err, "Shared and schema homes spread over Citus; for databases add a plain PostgreSQL server.");
}

static bool make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = refuse_citus(home, shared, err) &&
              (home->id ? make_home(app, home, shared, a, err)
                        : rh_install_database(app, home->node, home->database, NULL, err));
    rh_arena_free(a);
    return ok;
}

static bool exists(const rh_app *app, const rh_home *home, rh_db *shared, bool *there, rh_err *err)
{
    enum mark mark = ABSENT;
    rh_arena *a = rh_arena_new();
    bool ok = read_mark(app, home, shared, a, &mark, err);
    *there = mark == OURS || mark == UNMARKED;
    rh_arena_free(a);
    return ok;
}

static bool dump(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                 const char *path, rh_err *err)
{
    (void)shared, (void)tenant_id;
    return rh_dump_program(app, home, NULL, path, err);
}

static bool drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err)
{
    rh_str sql;
    bool ours;
    (void)tenant_id;
    if (!exists(app, home, shared, &ours, err))
        return false;
    if (!ours)
        return true;
    rh_db *db = rh_install_admin(app, home->node, home->database, err);
    rh_str_init(&sql, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "DROP DATABASE IF EXISTS ");
    rh_str_add_ident(&sql, home->database);
    rh_str_add(&sql, " WITH (FORCE)");
    bool ok = db && rh_db_exec(db, rh_str_cstr(&sql), err);
    rh_str_release(&sql);
    rh_db_close(db);
    return ok;
}

const rh_home_model rh_home_model_database = {
    .own_database = true, .make = make, .exists = exists, .dump = dump, .dump_suffix = ".dump", .drop = drop};
