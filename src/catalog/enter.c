/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/enter.h"

#include <string.h>

#include "sql.h"

/* What an adoption keeps beside the tenant, as more of the same statement. The parameters are numbered from
 * *n on. */
static void add_adoption(rh_str *sql, rh_arena *a, const rh_tenant_spec *spec, const char **params, int *n)
{
    const rh_tenant_adoption *adoption = spec->adoption;
    const char *values[] = {rh_arena_printf(a, "%d", adoption->version), spec->home_name, adoption->was.owner,
                            adoption->was.comment, adoption->was.settings};
    int i = *n + 1;
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        params[(*n)++] = values[k];
    rh_str_addf(
        sql,
        " ad AS (INSERT INTO rowhouse.adoptions (tenant, version) SELECT id, $%d::integer FROM t), "
        "au AS (INSERT INTO rowhouse.audit (action, tenant, detail) SELECT 'adopt', id::text, "
        "jsonb_strip_nulls(jsonb_build_object('version', $%d::integer, 'database', $%d::text, 'owner', "
        "$%d::text, 'comment', nullif($%d::text, ''), 'settings', nullif($%d::text, ''))) FROM t),",
        i, i, i + 1, i + 2, i + 3, i + 4);
}

struct insertion {
    rh_str columns, values;
    const char **params;
    int n;
};

static void add_column(struct insertion *in, const char *column, const char *value)
{
    const char *comma = in->columns.len ? ", " : "";
    in->params[in->n++] = value;
    rh_str_add(&in->columns, comma);
    rh_str_add_ident(&in->columns, column);
    rh_str_addf(&in->values, "%s$%d", comma, in->n);
}

/* Whose wish was it that another tenant had before: by what PostgreSQL says of the key. */
static bool explain_taken(const rh_tenant_spec *spec, rh_err *err)
{
    if (spec->id && strstr(err->detail, "(id)")) {
        rh_err_set(err, RH_E_EXISTS, "there is a tenant with the id %s already", spec->id);
        return rh_err_hint(err, "Choose another id, or leave it out.");
    }
    if (strstr(err->detail, "(slug)")) {
        rh_err_set(err, RH_E_EXISTS, "there is a tenant with the slug %s already", spec->slug);
        return rh_err_hint(err, "Choose another slug.");
    }
    if (spec->home_name && strstr(err->detail, "(home_name")) {
        rh_err_set(err, RH_E_EXISTS, "there is a tenant whose home is named %s already", spec->home_name);
        return rh_err_hint(err, "Choose another name for the home, or leave it out.");
    }
    err->code = RH_E_EXISTS; /* a profile column, which the app has made unique */
    return false;
}

static bool explain_insert(const rh_tenant_spec *spec, rh_err *err)
{
    if (strcmp(err->sqlstate, "23505") == 0)
        return explain_taken(spec, err);
    if (strcmp(err->sqlstate, "RH002") == 0) {
        rh_err_set(err, RH_E_EXISTS, "the id %s was a tenant's that was dropped", spec->id);
        return rh_err_hint(
            err, "Ids are given once, so that old tokens open nothing new. Rows that were brought back are "
                 "made a tenant again by `rowhouse tenant adopt --from TABLE`.");
    }
    return false;
}

/* ---- the place it gets with its row ---- */

/* Nobody has to be asked for a home that stands by, unless the tenant has rows to put there, or copies of
 * reference rows may be behind. */
static bool needs_settling(const rh_operator *o)
{
    return o->app->conf->keyed || o->sets.on_create || o->sets.reference->n;
}

static rh_model model_of(const rh_operator *o, const rh_tenant_spec *spec)
{
    rh_model model = o->app->conf->model;
    if (spec->model)
        rh_model_parse(spec->model, &model);
    return model;
}

/* A home by its number, where there is room, that has never been anybody's. */
static bool wants_any_home(const rh_tenant_spec *spec)
{
    return !spec->home_name && !spec->node && !spec->revive && !spec->adoption;
}

enum place { LATER, NEW, SHARED, STANDBY };

static enum place choose_place(const rh_operator *o, const rh_tenant_spec *spec, bool standby)
{
    rh_model model = model_of(o, spec);
    return !wants_any_home(spec) ? LATER : model == RH_MODEL_SHARED ? SHARED : standby ? STANDBY : NEW;
}

/* The head of the statement, and its parameters. */
static const char *add_place(struct insertion *in, rh_operator *o, rh_arena *a, const rh_tenant_spec *spec,
                             enum place place)
{
    const char *model = rh_model_name(model_of(o, spec));
    switch (place) {
    case NEW:
        in->params[in->n++] = model;
        in->params[in->n++] = o->app->conf->app_name;
        in->params[in->n++] = o->app->shared_db;
        return rh_sql_tenants_place;
    case SHARED:
        in->params[in->n++] = rh_arena_printf(a, "%lld", (long long)o->home.id);
        return rh_sql_tenants_place_shared;
    case STANDBY:
        in->params[in->n++] = model;
        in->params[in->n++] = spec->id;
        in->params[in->n++] = rh_arena_printf(a, "%d", rh_set_newest(o->sets.reference));
        in->params[in->n++] = rh_arena_printf(a, "%d", rh_set_newest(o->sets.tenant));
        return rh_sql_standby_take;
    default:
        return rh_sql_tenants_place_later;
    }
}

static void add_columns(struct insertion *in, rh_arena *a, const rh_tenant_spec *spec, enum place place)
{
    add_column(in, "slug", spec->slug);
    add_column(in, "name", spec->name);
    add_column(in, "model", spec->model);
    if (place == LATER)
        add_column(in, "home_name", spec->home_name);
    if (place != STANDBY && spec->id)
        add_column(in, "id", spec->id);
    if (spec->adoption)
        add_column(in, "home_node", rh_arena_printf(a, "%d", spec->adoption->node));
    else if (spec->node_id)
        add_column(in, "home_node", spec->node_id);
    for (size_t i = 0; i < spec->profile.n; i++)
        add_column(in, spec->profile.names[i], spec->profile.values[i]);
}

/* Row: id, the home's number, model, database, schema, reference rows; whether the tenant is locked; then
 * every column of the tenant. */
enum { ID, HOME, MODEL, DATABASE, SCHEMA, ROWS, NODE, LOCKED = NODE + 3, COLUMNS };

#define AUDIT                                                                                                \
    " en AS (INSERT INTO rowhouse.audit (action, tenant, detail) SELECT e.action, t.id::text, e.detail "     \
    "FROM t, LATERAL (VALUES (1, 'create', jsonb_build_object('slug', t.slug)), "                            \
    "(2, 'state', jsonb_build_object('from', 'pending', 'to', 'provisioning'))) e (n, action, detail) "      \
    "WHERE e.n = 1 OR t.state = 'provisioning' ORDER BY e.n) "
#define FOUND                                                                                                \
    "SELECT t.id, home.home, home.model, home.database, home.schema, home.reference_rows, home.node, "       \
    "home.node_name, home.conninfo, "                                                                        \
    "CASE WHEN t.state = 'provisioning' THEN pg_try_advisory_lock(hashtext('rowhouse tenant'), "             \
    "hashtext(t.id::text)) END, t.* FROM t LEFT JOIN home ON true"

/* The tenant's row with its home's and the audit's. When the tenant is not active by that, others find it
 * locked. */
static const char *statement(struct insertion *in, rh_operator *o, rh_arena *a, const rh_tenant_spec *spec,
                             enum place place)
{
    rh_str sql;
    const char *then = place == STANDBY && !needs_settling(o) ? "active" : "provisioning";
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, add_place(in, o, a, spec, place));
    add_columns(in, a, spec, place);
    rh_str_addf(&sql, " t AS (INSERT INTO rowhouse.tenants (%s, state, home%s%s) SELECT %s, ",
                rh_str_cstr(&in->columns), place == LATER ? "" : ", home_name",
                place == STANDBY ? ", id" : "", rh_str_cstr(&in->values));
    rh_str_addf(&sql, "CASE WHEN home.home IS NULL THEN 'pending' ELSE '%s' END, home.home%s%s FROM ", then,
                place == LATER ? "" : ", home.name", place == STANDBY ? ", home.tenant" : "");
    rh_str_addf(&sql, "%s RETURNING *),",
                place == STANDBY ? "home" : "(SELECT 1) one LEFT JOIN home ON true");
    if (spec->adoption)
        add_adoption(&sql, a, spec, in->params, &in->n);
    rh_str_add(&sql, AUDIT FOUND);
    return rh_str_cstr(&sql);
}

static void read_entered(rh_operator *o, rh_arena *a, const PGresult *res, rh_entered *out)
{
    size_t n = (size_t)(PQnfields(res) - COLUMNS);
    const char **names = RH_NEW_ARRAY(a, const char *, n + 1),
               **values = RH_NEW_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        int column = COLUMNS + (int)i;
        names[i] = PQfname(res, column);
        values[i] = PQgetisnull(res, 0, column) ? NULL : PQgetvalue(res, 0, column);
    }
    out->id = PQgetvalue(res, 0, ID);
    out->profile = (rh_profile){names, values, n};
    out->locked = *PQgetvalue(res, 0, LOCKED) == 't';
    out->reference_rows = PQgetvalue(res, 0, ROWS);
    if (!rh_parse_int(PQgetvalue(res, 0, HOME), &out->home.id))
        return;
    rh_model_parse(PQgetvalue(res, 0, MODEL), &out->home.model);
    out->home.node = rh_node_of_row(o->app, a, res, 0, NODE);
    out->home.database = PQgetvalue(res, 0, DATABASE);
    out->home.schema = PQgetvalue(res, 0, SCHEMA);
    out->home.tenant = out->home.model == RH_MODEL_SHARED ? NULL : out->id;
}

/* *there is false when nothing stands by. What is not the last commit of a creation may be lost with a crash
 * of the machine. */
static bool enter(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, bool standby, rh_entered *out,
                  bool *there, rh_err *err)
{
    enum place place = choose_place(o, spec, standby);
    struct insertion in = {.params = RH_NEW_ARRAY(a, const char *, 20 + spec->profile.n)};
    PGresult *results[2];
    int failed;
    rh_str_init_in(&in.columns, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&in.values, a, RH_STR_TEXT_MAX);
    const char *sql = statement(&in, o, a, spec, place);
    const rh_db_call calls[] = {{"SELECT set_config('synchronous_commit', 'off', true)", 0, NULL},
                                {sql, in.n, in.params}};
    int skip = place == STANDBY && !needs_settling(o);
    *out = (rh_entered){0};
    if (!rh_db_query_all(o->catalog, a, calls + skip, 2 - skip, results, &failed, err))
        return explain_insert(spec, err);
    const PGresult *res = results[1 - skip];
    *there = PQntuples(res) > 0;
    if (*there)
        read_entered(o, a, res, out);
    out->given = *there && place == STANDBY;
    out->active = *there && skip;
    return true;
}

bool rh_tenant_enter(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, rh_entered *out, rh_err *err)
{
    bool there = false, standby = o->app->conf->provision_standby > 0;
    return (!standby || enter(o, a, spec, true, out, &there, err)) &&
           (there || enter(o, a, spec, false, out, &there, err));
}
