/* SPDX-License-Identifier: Apache-2.0 */
#include "home/home.h"

#include <string.h>
#include <unistd.h>

#include "app/install.h"
#include "base/file.h"
#include "home/model.h"
#include "migrate/apply.h"
#include "sql.h"

#define REFERENCE_PATH RH_REFERENCE_SCHEMA ", pg_temp"

static const rh_home_model *const models[] = {
    [RH_MODEL_SHARED] = &rh_home_model_shared,
    [RH_MODEL_SCHEMA] = &rh_home_model_schema,
    [RH_MODEL_DATABASE] = &rh_home_model_database,
};

bool rh_home_make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    return models[home->model]->make(app, home, shared, err);
}

rh_db *rh_home_enter(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err)
{
    return models[home->model]->own_database
               ? rh_app_connect(app, home->node, RH_ROLE_OPERATOR, home->database, err)
               : shared;
}

void rh_home_leave(rh_db *db, rh_db *shared)
{
    if (db != shared)
        rh_db_close(db);
}

bool rh_home_drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err)
{
    return models[home->model]->drop(app, home, shared, tenant_id, err);
}

bool rh_home_exists(const rh_app *app, const rh_home *home, rh_db *shared, bool *exists, rh_err *err)
{
    return models[home->model]->exists(app, home, shared, exists, err);
}

const char *rh_home_mark(rh_arena *a, const rh_home *home)
{
    return rh_arena_printf(a, "rowhouse home %lld", (long long)home->id);
}

const char *rh_home_dump_suffix(const rh_home *home)
{
    return models[home->model]->dump_suffix;
}

bool rh_home_dump(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                  const char *path, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *part = rh_arena_printf(a, "%s.part", path);
    rh_file_sweep(part);                               /* of a dump that was cut off; the tenant is locked */
    bool ok = rh_file_write(part, "", 0, 0600, err) && /* closed to others before anything is in it */
              models[home->model]->dump(app, home, shared, tenant_id, part, err) &&
              rh_file_commit(part, path, err);
    if (!ok)
        unlink(part);
    rh_arena_free(a);
    return ok;
}

const char *rh_home_session_name(rh_arena *a, const char *tenant_id)
{
    return rh_arena_printf(a, "rowhouse psql %s", tenant_id);
}

const char *rh_home_session_options(rh_arena *a, const rh_home *home, const char *tenant_id)
{
    return rh_arena_printf(a, "-c search_path=%s," RH_REFERENCE_SCHEMA "%s%s", home->schema,
                           tenant_id ? " -c rowhouse.tenant=" : "", tenant_id ? tenant_id : "");
}

/* As the admin: no other role of ours may end sessions. */
bool rh_home_end_sessions(const rh_app *app, const rh_home *home, const char *tenant_id, rh_err *err)
{
    bool own = models[home->model]->own_database;
    rh_arena *a = rh_arena_new();
    rh_db *admin = own ? rh_install_admin(app, home->node, home->database, err)
                       : rh_app_connect(app, home->node, RH_ROLE_ADMIN, NULL, err);
    const char *params[] = {app->server, rh_home_session_name(a, tenant_id), own ? home->database : ""};
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "REVOKE CONNECT ON DATABASE ");
    rh_str_add_ident(&sql, params[2]);
    rh_str_add(&sql, " FROM ");
    rh_str_add_ident(&sql, app->server);
    bool ok = admin &&
              (!own || rh_db_exec(admin, rh_str_cstr(&sql), err) ||
               strcmp(err->sqlstate, "3D000") == 0) && /* gone meanwhile */
              rh_db_query(admin, a, rh_sql_homes_end_sessions, 3, params, err);
    rh_db_close(admin);
    rh_arena_free(a);
    return ok;
}

const char *rh_home_search_path(rh_arena *a, const rh_home *home)
{
    rh_str path;
    rh_str_init_in(&path, a, 256);
    rh_str_add_ident(&path, home->schema);
    rh_str_add(&path, ", " RH_REFERENCE_SCHEMA ", pg_temp");
    return rh_str_cstr(&path);
}

struct fitting {
    const rh_app *app;
    const rh_home *home;
    rh_db *db;
};

static bool fit(void *arg, rh_err *err)
{
    const struct fitting *f = arg;
    return rh_home_fit(f->app, f->home, f->db, NULL, err);
}

static bool apply(const rh_apply_target *t, const rh_migration_set *set, int *applied, int *version,
                  rh_err *err)
{
    size_t from;
    if (!rh_apply_state(t, set, version, &from, err))
        return false;
    if ((from < set->n || t->finish) && !rh_apply_run(t, set, from, err))
        return false;
    if (applied)
        *applied += (int)(set->n - from);
    *version = rh_set_newest(set);
    return true;
}

/* What a clone has of the template's migrations is its own from now on. *fresh: it was just cloned, and has
 * what the template has. */
static bool take_over(const rh_home *home, rh_db *db, bool *fresh, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id)};
    PGresult *there =
        rh_db_query(db, a, "SELECT to_regclass('rowhouse.applied_migrations') IS NOT NULL", 0, NULL, err);
    bool ok = there != NULL, cloned = ok && *PQgetvalue(there, 0, 0) == 't';
    PGresult *taken = cloned ? rh_db_query(db, a, rh_sql_homes_take_over, 1, params, err) : NULL;
    *fresh = taken && strcmp(PQcmdTuples(taken), "0") != 0;
    ok = ok && (!cloned || taken);
    rh_arena_free(a);
    return ok;
}

bool rh_home_migrate(const rh_app *app, const rh_home *home, rh_db *db, const rh_sets *sets, int *applied,
                     rh_home_versions *versions, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct fitting f = {app, home, db};
    rh_apply_target reference = {db, 0, REFERENCE_PATH, NULL, NULL, false};
    rh_apply_target tenant = {db, home->id, rh_home_search_path(a, home), fit, &f, false};
    bool ok = true, fresh = false;
    versions->reference = rh_set_newest(sets->reference);
    if (models[home->model]->own_database)
        ok = (!home->id || take_over(home, db, &fresh, err)) &&
             (fresh || rh_home_prepare_database(app, db, err)) &&
             apply(&reference, sets->reference, applied, &versions->reference, err);
    ok = ok && apply(&tenant, sets->tenant, applied, &versions->tenant, err);
    rh_arena_free(a);
    return ok;
}

bool rh_home_migrate_reference(const rh_app *app, rh_db *shared, const rh_sets *sets, int *version,
                               rh_err *err)
{
    rh_apply_target reference = {shared, 0, REFERENCE_PATH, NULL, NULL, false};
    return rh_home_prepare_database(app, shared, err) &&
           apply(&reference, sets->reference, NULL, version, err);
}

bool rh_home_is_newest(const rh_home *home, rh_db *db, const rh_sets *sets, bool *newest, rh_err *err)
{
    int version;
    size_t from, tenant_from = sets->tenant->n;
    rh_apply_target reference = {.db = db}, tenant = {.db = db, .home = home->id};
    bool ok = rh_apply_state(&reference, sets->reference, &version, &from, err) &&
              (!home->id || rh_apply_state(&tenant, sets->tenant, &version, &tenant_from, err));
    *newest = ok && from == sets->reference->n && tenant_from == sets->tenant->n;
    return ok;
}
