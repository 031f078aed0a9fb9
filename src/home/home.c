/* SPDX-License-Identifier: Apache-2.0 */
#include "home/home.h"

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
    return models[home->model]->own_database ? rh_app_connect(app, RH_ROLE_OPERATOR, home->database, err)
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

bool rh_home_size(const rh_app *app, const rh_home *home, rh_db *shared, int64_t *bytes, rh_err *err)
{
    return models[home->model]->size(app, home, shared, bytes, err);
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
    if (!rh_apply_state(t, set, version, &from, err) || !rh_apply_run(t, set, from, err))
        return false;
    if (applied)
        *applied += (int)(set->n - from);
    *version = rh_set_newest(set);
    return true;
}

bool rh_home_migrate(const rh_app *app, const rh_home *home, rh_db *db, const rh_sets *sets, int *applied,
                     rh_home_versions *versions, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct fitting f = {app, home, db};
    rh_apply_target reference = {db, 0, REFERENCE_PATH, NULL, NULL};
    rh_apply_target tenant = {db, home->id, rh_home_search_path(a, home), fit, &f};
    bool ok = true;
    versions->reference = rh_set_newest(sets->reference);
    if (models[home->model]->own_database)
        ok = rh_home_prepare_database(app, db, err) &&
             apply(&reference, sets->reference, applied, &versions->reference, err);
    ok = ok && apply(&tenant, sets->tenant, applied, &versions->tenant, err);
    rh_arena_free(a);
    return ok;
}
