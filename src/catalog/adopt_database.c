/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "auth/resolve.h"
#include "base/step.h"
#include "catalog/tenant.h"
#include "sql.h"

/* The tenant that has the database, or asked for it and did not get it. */
struct holder {
    const char *id, *slug, *name, *state, *version; /* id NULL: nobody; version "": not by adoption */
};

static bool find_holder(rh_operator *o, rh_arena *a, const char *database, struct holder *out, rh_err *err)
{
    const char *params[] = {database, rh_model_name(o->app->conf->model),
                            rh_arena_printf(a, "%d", RH_FIRST_NODE)};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_adopt_of_database, 3, params, err);
    *out = (struct holder){0};
    if (res && PQntuples(res) > 0)
        *out = (struct holder){PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2),
                               PQgetvalue(res, 0, 3), PQgetvalue(res, 0, 4)};
    return res != NULL;
}

static bool is_waiting(const struct holder *h)
{
    return strcmp(h->state, "pending") == 0 || strcmp(h->state, "provisioning") == 0 ||
           strcmp(h->state, "failed") == 0;
}

/* A repetition says the same as before, or less. */
static bool check_holder(const struct holder *h, const char *database, int version,
                         const rh_tenant_spec *spec, rh_err *err)
{
    int64_t adopted = 0;
    bool same = (!spec->slug || strcmp(spec->slug, h->slug) == 0) &&
                (!spec->name || strcmp(spec->name, h->name) == 0) &&
                (!spec->id || strcmp(spec->id, h->id) == 0) &&
                (!version || !rh_parse_int(h->version, &adopted) || adopted == version);
    if (same && (is_waiting(h) || (strcmp(h->state, "active") == 0 && *h->version)))
        return true;
    rh_err_set(err, RH_E_EXISTS, "database %s is tenant %s's", database, h->slug);
    return rh_err_hint(err, "`rowhouse tenant show %s` shows it.", h->slug);
}

/* A slug from the database's name, as from a person's. */
static void name_it(rh_arena *a, const char *database, rh_tenant_spec *spec)
{
    if (!spec->slug)
        spec->slug = rh_slug_from_name(a, spec->name ? spec->name : database);
    if (!spec->name)
        spec->name = spec->slug;
}

/* In an app with a tenant key the rows say whose they are, and the operator has to say it too. */
static bool needs_id(const rh_app *app, const rh_tenant_spec *spec, const struct holder *h, rh_err *err)
{
    if (!app->conf->keyed || spec->id || h->id)
        return true;
    rh_err_set(err, RH_E_USAGE, "adopt: which tenant's are the rows?");
    return rh_err_hint(err, "--id names the value that %s has in every row of the database's tables.",
                       app->conf->app_tenant_key);
}

static bool check(rh_operator *o, rh_arena *a, const char *database, const char *id,
                  rh_tenant_adoption *adoption, rh_tenant_adopted *out, rh_err *err)
{
    const rh_adopt_what what = {&o->app->first, database, out->version, o->app->conf->keyed ? id : NULL};
    if (!rh_adopt_check(o->app, &o->sets, &what, a, &adoption->was, &out->found, err))
        return false;
    if (!out->found.differences.len)
        return true;
    rh_err_set(err, RH_E_STATE, "database %s does not fit version %d of the app: %zu difference%s", database,
               out->version, out->found.differences.len, out->found.differences.len == 1 ? "" : "s");
    return rh_err_hint(
        err, "Nothing was changed. Make the database right, or name the version that it fits: --version N.");
}

/* The tenant that waits for a database of this name is to have this one. */
static bool give(rh_operator *o, rh_arena *a, const struct holder *h, const char *database,
                 const rh_tenant_adoption *adoption, rh_err *err)
{
    const rh_adopt_was *was = &adoption->was;
    const char *params[] = {
        h->id,         rh_arena_printf(a, "%d", adoption->version), database, was->owner, was->comment,
        was->settings, rh_arena_printf(a, "%d", adoption->node)};
    return rh_db_query(o->catalog, a, rh_sql_adopt_enter, 7, params, err) != NULL;
}

bool rh_tenant_adopt_database(rh_operator *o, rh_arena *a, const char *database, int version,
                              const rh_tenant_spec *wanted, bool dry_run, rh_tenant_adopted *out, rh_err *err)
{
    struct holder h;
    char canonical[64];
    rh_tenant_spec spec = *wanted;
    rh_tenant_adoption adoption = {0};
    rh_migration_set ignored;
    *out = (rh_tenant_adopted){.version = version ? version : rh_set_newest(o->sets.tenant)};
    if (spec.id && !rh_tenant_id_canonical(spec.id, o->app->conf->id_type == RH_ID_UUID, canonical))
        return rh_err_set(err, RH_E_INVALID, "\"%.100s\" is not a %s", spec.id,
                          rh_id_type_name(o->app->conf));
    if (spec.id)
        spec.id = rh_arena_strdup(a, canonical);
    if (!rh_adopt_cut(o->sets.tenant, out->version, &ignored, err) || !find_holder(o, a, database, &h, err) ||
        (h.id && !check_holder(&h, database, version, &spec, err)) || !needs_id(o->app, &spec, &h, err))
        return false;
    bool begun = h.id && *h.version;
    adoption.node = RH_FIRST_NODE;
    adoption.version = out->version;
    if (!begun && !check(o, a, database, h.id ? h.id : spec.id, &adoption, out, err))
        return false;
    if (dry_run)
        return true;
    if (h.id) {
        out->id = h.id;
        out->slug = h.slug;
        return (begun || give(o, a, &h, database, &adoption, err)) && rh_tenant_provision(o, h.id, err);
    }
    name_it(a, database, &spec);
    spec.model = rh_model_name(RH_MODEL_DATABASE);
    spec.home_name = database;
    spec.adoption = &adoption;
    out->slug = spec.slug;
    return rh_tenant_create(o, a, &spec, &out->id, err);
}
