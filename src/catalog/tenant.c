/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/tenant.h"

#include <ctype.h>
#include <string.h>

#include "auth/resolve.h"
#include "base/json.h"
#include "base/step.h"
#include "catalog/lock.h"
#include "catalog/node.h"
#include "catalog/reference.h"
#include "catalog/state.h"
#include "sql.h"

#define MAX_NAME 1024

static bool find_shared_home(rh_operator *o, rh_err *err)
{
    const char *node = rh_arena_printf(o->arena, "%d", RH_FIRST_NODE);
    o->home = (rh_home){.model = RH_MODEL_SHARED,
                        .node = &o->app->first,
                        .database = o->app->shared_db,
                        .schema = RH_SHARED_SCHEMA};
    if (!o->app->conf->keyed)
        return true;
    const char *id = rh_db_value(o->catalog, o->arena, rh_sql_homes_shared, 1, &node, err);
    if (id && rh_parse_int(id, &o->home.id))
        return true;
    if (id) {
        rh_err_set(err, RH_E_STATE, "the app has no shared home yet");
        rh_err_hint(err, "`rowhouse migrate` makes it.");
    }
    return false;
}

/* The catalog may be an older Rowhouse's: what it lacks would come up as an error of SQL half-way. */
static bool check_catalog(rh_operator *o, rh_err *err)
{
    int64_t has = 0, newest = 0;
    for (size_t i = 0; rh_sql_catalog_migrations[i].number; i++)
        newest = rh_sql_catalog_migrations[i].number;
    const char *text = rh_db_value(o->catalog, o->arena, rh_sql_tenants_catalog_version, 0, NULL, err);
    if (!text && strcmp(err->sqlstate, "42P01") != 0)
        return false;
    if (text && rh_parse_int(text, &has) && has == newest)
        return true;
    rh_err_set(err, RH_E_STATE, "the catalog has version %lld, and this program is for version %lld",
               (long long)has, (long long)newest);
    return rh_err_hint(err, has < newest ? "`rowhouse migrate` brings it forward."
                                         : "A newer Rowhouse has migrated it: use that one.");
}

bool rh_operator_announce(rh_db *catalog, rh_err *err)
{
    return rh_db_exec(catalog, "SET rowhouse.verb = on", err);
}

bool rh_operator_open(rh_operator *o, const rh_app *app, rh_err *err)
{
    *o = (rh_operator){.app = app, .arena = rh_arena_new()};
    if (rh_sets_load(app->conf, o->arena, &o->sets, err) &&
        (o->catalog = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->catalog_db, err)) &&
        check_catalog(o, err) && rh_operator_announce(o->catalog, err) &&
        (o->shared = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->shared_db, err)) &&
        find_shared_home(o, err)) {
        o->nodes = rh_nodes_new(app, o->shared);
        return true;
    }
    rh_operator_close(o);
    return false;
}

bool rh_operator_refresh(rh_operator *o, rh_err *err)
{
    rh_arena_clear(o->arena);
    return rh_sets_load(o->app->conf, o->arena, &o->sets, err) && find_shared_home(o, err);
}

void rh_operator_close(rh_operator *o)
{
    rh_nodes_free(o->nodes);
    rh_db_close(o->catalog);
    rh_db_close(o->shared);
    rh_arena_free(o->arena);
    *o = (rh_operator){0};
}

rh_db *rh_operator_shared(rh_operator *o, const rh_home *home, rh_err *err)
{
    return rh_nodes_shared(o->nodes, home->node, err);
}

const char *rh_slug_from_name(rh_arena *a, const char *name)
{
    rh_str s;
    rh_str_init_in(&s, a, 63);
    for (const char *p = name; *p && s.len < 63; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'), digit = *p >= '0' && *p <= '9';
        if (s.len == 0 && digit)
            rh_str_add(&s, "t-");
        if (letter || digit)
            rh_str_addc(&s, (char)tolower((unsigned char)*p));
        else if (s.len && s.data[s.len - 1] != '-')
            rh_str_addc(&s, '-');
    }
    while (s.len && s.data[s.len - 1] == '-')
        s.data[--s.len] = 0;
    if (!s.len)
        rh_str_add(&s, "tenant");
    return rh_str_cstr(&s);
}

/* ---- what is wanted ---- */

/* A member's text; numbers are written as JSON does. False for arrays and objects. */
static bool member_text(rh_arena *a, const json_t *v, const char **out)
{
    *out = NULL;
    if (json_is_string(v))
        *out = json_string_value(v);
    else if (json_is_integer(v))
        *out = rh_arena_printf(a, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        *out = json_is_true(v) ? "true" : "false";
    else if (json_is_real(v))
        *out = rh_arena_printf(a, "%.17g", json_real_value(v));
    else
        return json_is_null(v);
    return true;
}

bool rh_tenant_spec_from_json(rh_arena *a, const json_t *body, rh_tenant_spec *spec, rh_err *err)
{
    const char *key, *text;
    json_t *value;
    size_t n = 0;
    *spec = (rh_tenant_spec){0};
    if (!json_is_object(body)) {
        rh_err_set(err, RH_E_BODY, "a tenant is a JSON object");
        return rh_err_hint(err, "For example: {\"slug\": \"acme\", \"name\": \"Acme\"}.");
    }
    const char **names = RH_NEW_ARRAY(a, const char *, json_object_size(body) + 1),
               **values = RH_NEW_ARRAY(a, const char *, json_object_size(body) + 1);
    json_object_foreach((json_t *)body, key, value)
    {
        if (!member_text(a, value, &text))
            return rh_err_set(err, RH_E_BODY, "\"%.100s\" is not a text, number, boolean or null", key);
        if (strcmp(key, "slug") == 0) {
            spec->slug = text;
        } else if (strcmp(key, "name") == 0) {
            spec->name = text;
        } else if (strcmp(key, "id") == 0) {
            spec->id = text;
        } else if (strcmp(key, "model") == 0) {
            spec->model = text;
        } else if (strcmp(key, "home_name") == 0) {
            spec->home_name = text;
        } else if (strcmp(key, "node") == 0) {
            spec->node = text;
        } else {
            names[n] = key;
            values[n++] = text;
        }
    }
    spec->profile = (rh_profile){names, values, n};
    return true;
}

/* ---- create ---- */

/* Without rows to put there, the tenant's own or reference rows, a home that stands by is all that is needed.
 */
static bool needs_settling(const rh_operator *o)
{
    return o->app->conf->keyed || o->sets.on_create || o->sets.reference->n;
}

/* Homes that stand by have names of their own and are on the first node, and have never been anybody's. */
static bool may_stand_by(const rh_operator *o, const rh_tenant_spec *spec)
{
    rh_model model = o->app->conf->model;
    if (spec->model)
        rh_model_parse(spec->model, &model);
    return o->app->conf->provision_standby > 0 && model != RH_MODEL_SHARED && !spec->home_name &&
           !spec->node && !spec->revive;
}

static bool check_model(const rh_app *app, const rh_tenant_spec *in, rh_err *err)
{
    rh_model model = app->conf->model;
    if (in->model && !rh_model_parse(in->model, &model))
        return rh_err_set(err, RH_E_INVALID, "model \"%.40s\" is not shared, schema or database", in->model);
    if (model == RH_MODEL_SHARED && !app->conf->keyed) {
        rh_err_set(err, RH_E_INVALID, "the app has no tenant key, so its tenants cannot share tables");
        return rh_err_hint(err, "Choose schema or database, or give the tables a tenant key and name it in "
                                "rowhouse.conf: `rowhouse lint` then says which tables lack it.");
    }
    if (model == RH_MODEL_SHARED && in->home_name)
        return rh_err_set(err, RH_E_INVALID, "a shared home has no name of its own");
    return true;
}

bool rh_tenant_name_check(const char *name, rh_err *err)
{
    if (*name && strlen(name) <= MAX_NAME && rh_is_utf8(name, strlen(name)))
        return true;
    rh_err_set(err, RH_E_INVALID, "the name is empty, longer than %d bytes or not UTF-8", MAX_NAME);
    return rh_err_hint(err, "Any other text is fine as a name.");
}

bool rh_tenant_slug_check(rh_arena *a, const char *slug, rh_err *err)
{
    if (rh_slug_ok(slug))
        return true;
    rh_err_set(err, RH_E_INVALID, "\"%.100s\" cannot be a slug", slug);
    return rh_err_hint(
        err,
        "A slug begins with a letter and holds lower-case letters, digits, - and _, at most 63. "
        "The name may be anything: `rowhouse tenant create %s --name \"...\"`.",
        rh_slug_from_name(a, slug));
}

static bool check_spec(const rh_app *app, rh_arena *a, const rh_tenant_spec *in, rh_tenant_spec *out,
                       rh_err *err)
{
    char canonical[64];
    *out = *in;
    if (!in->slug && !in->name)
        return rh_err_set(err, RH_E_USAGE, "a tenant needs a slug or a name");
    if (in->name && !rh_tenant_name_check(in->name, err))
        return false;
    out->slug = in->slug ? in->slug : rh_slug_from_name(a, in->name);
    out->name = in->name ? in->name : in->slug;
    if (!rh_tenant_slug_check(a, out->slug, err) || !check_model(app, in, err))
        return false;
    if (in->id) {
        if (!rh_tenant_id_canonical(in->id, app->conf->id_type == RH_ID_UUID, canonical))
            return rh_err_set(err, RH_E_INVALID, "\"%.100s\" is not a %s", in->id,
                              rh_id_type_name(app->conf));
        out->id = rh_arena_strdup(a, canonical);
    }
    return true;
}

static bool check_node(rh_operator *o, rh_arena *a, rh_tenant_spec *spec, rh_err *err)
{
    const rh_node *node = spec->node ? rh_node_find(o, a, spec->node, NULL, err) : NULL;
    if (node)
        spec->node_id = rh_arena_printf(a, "%d", node->id);
    return node || !spec->node;
}

static bool check_profile(rh_operator *o, rh_arena *a, const rh_profile *profile, rh_err *err)
{
    if (!profile->n)
        return true;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_profile_columns, 0, NULL, err);
    if (!res)
        return false;
    for (size_t i = 0; i < profile->n; i++) {
        bool known = false;
        for (int row = 0; row < PQntuples(res); row++)
            known |= strcmp(PQgetvalue(res, row, 0), profile->names[i]) == 0;
        if (known)
            continue;
        rh_str list;
        rh_str_init_in(&list, a, sizeof err->hint);
        for (int row = 0; row < PQntuples(res); row++)
            rh_str_addf(&list, "%s%s", row ? ", " : "", PQgetvalue(res, row, 0));
        rh_err_set(err, RH_E_INVALID, "tenants have no profile column \"%.100s\"", profile->names[i]);
        return rh_err_hint(err, "%s%s. A migration of the catalog set adds columns to rowhouse.tenants.",
                           list.len ? "There are: " : "There are none", rh_str_cstr(&list));
    }
    return true;
}

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
        ", ad AS (INSERT INTO rowhouse.adoptions (tenant, version) SELECT id, $%d::integer FROM t), "
        "au AS (INSERT INTO rowhouse.audit (action, tenant, detail) SELECT 'adopt', id::text, "
        "jsonb_strip_nulls(jsonb_build_object('version', $%d::integer, 'database', $%d::text, 'owner', "
        "$%d::text, 'comment', nullif($%d::text, ''), 'settings', nullif($%d::text, ''))) FROM t)",
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

/* The tenant's row with the audit's, in one statement; from a home that stands by, which then is the tenant's
 * in the same statement. Its id; "" when no home stands by. */
static const char *insert_row(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, bool standby,
                              rh_err *err)
{
    rh_str sql;
    struct insertion in = {.params = RH_NEW_ARRAY(a, const char *, 14 + spec->profile.n)};
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&in.columns, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&in.values, a, RH_STR_TEXT_MAX);
    if (standby) {
        in.params[in.n++] = spec->model ? spec->model : rh_model_name(o->app->conf->model);
        in.params[in.n++] = spec->id;
        in.params[in.n++] = rh_arena_printf(a, "%d", rh_set_newest(o->sets.reference));
        in.params[in.n++] = rh_arena_printf(a, "%d", rh_set_newest(o->sets.tenant));
        add_column(&in, "state",
                   rh_tenant_state_name(needs_settling(o) ? RH_TENANT_PROVISIONING : RH_TENANT_ACTIVE));
    }
    add_column(&in, "slug", spec->slug);
    add_column(&in, "name", spec->name);
    add_column(&in, "model", spec->model);
    if (!standby)
        add_column(&in, "home_name", spec->home_name);
    if (!standby && spec->id)
        add_column(&in, "id", spec->id);
    if (spec->adoption)
        add_column(&in, "home_node", rh_arena_printf(a, "%d", spec->adoption->node));
    else if (spec->node_id)
        add_column(&in, "home_node", spec->node_id);
    for (size_t i = 0; i < spec->profile.n; i++)
        add_column(&in, spec->profile.names[i], spec->profile.values[i]);
    rh_str_addf(&sql, "%s t AS (INSERT INTO rowhouse.tenants (%s%s) SELECT %s%s RETURNING id, slug)",
                standby ? rh_sql_standby_take : "WITH", rh_str_cstr(&in.columns),
                standby ? ", id, home, home_name" : "", rh_str_cstr(&in.values),
                standby ? ", home.tenant, home.home, home.name FROM home" : "");
    if (spec->adoption)
        add_adoption(&sql, a, spec, in.params, &in.n);
    rh_str_add(&sql, " INSERT INTO rowhouse.audit (action, tenant, detail) SELECT 'create', id::text, "
                     "jsonb_build_object('slug', slug) FROM t RETURNING tenant");
    const char *id = rh_db_value(o->catalog, a, rh_str_cstr(&sql), in.n, in.params, err);
    if (!id)
        explain_insert(spec, err);
    return id;
}

/* What an earlier call with the same wishes left; NULL when there is none. err is kept then. */
static const char *find_unfinished(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec)
{
    rh_str profile;
    rh_err ignored;
    rh_str_init_in(&profile, a, RH_STR_TEXT_MAX);
    for (size_t i = 0; i < spec->profile.n; i++) {
        const char *value = spec->profile.values[i];
        rh_str_addc(&profile, i ? ',' : '{');
        rh_json_add_string(&profile, spec->profile.names[i], strlen(spec->profile.names[i]));
        rh_str_addc(&profile, ':');
        if (value)
            rh_json_add_string(&profile, value, strlen(value));
        else
            rh_str_add(&profile, "null");
    }
    rh_str_add(&profile, spec->profile.n ? "}" : "{}");
    const char *params[] = {
        spec->slug, spec->name, spec->model, spec->home_name, spec->id, rh_str_cstr(&profile), spec->node};
    const char *id = rh_db_value(o->catalog, a, rh_sql_tenants_unfinished, 7, params, &ignored);
    return id && *id ? id : NULL;
}

/* A given id: the sequence goes past it before it is there, so that no interruption leaves it to be met
 * again. */
static bool prepare_id(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, rh_err *err)
{
    if (!spec->id)
        return true;
    if (spec->revive && !rh_db_query(o->catalog, a, rh_sql_tenants_revive_id, 1, &spec->id, err))
        return false;
    return o->app->conf->id_type != RH_ID_BIGINT ||
           rh_db_query(o->catalog, a, rh_sql_tenants_before_id, 1, &spec->id, err);
}

/* ---- provision ---- */

bool rh_tenant_home(rh_operator *o, rh_arena *a, const char *id, rh_home *out, rh_err *err)
{
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_homes_of_tenant, 1, &id, err);
    if (!res)
        return false;
    *out = (rh_home){.model = o->app->conf->model, .tenant = id};
    if (PQntuples(res) == 0)
        return rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant %s", id);
    rh_model_parse(PQgetvalue(res, 0, 1), &out->model);
    rh_parse_int(PQgetvalue(res, 0, 0), &out->id);
    out->node = rh_node_of_row(o->app, a, res, 0, 4);
    out->database = PQgetvalue(res, 0, 2);
    out->schema = PQgetvalue(res, 0, 3);
    if (out->model == RH_MODEL_SHARED)
        out->tenant = NULL;
    return true;
}

/* A tenant without a home gets one in the catalog: the shared one, or one of its own. */
static bool assign_home(rh_operator *o, rh_arena *a, const char *id, rh_home *home, rh_err *err)
{
    if (home->id)
        return true;
    rh_home on;
    /* another server must have nothing of which this one may forget */
    if (!rh_node_choose(o, a, id, home->model, &on, err) ||
        !rh_db_set_lazy(o->catalog, on.node->id == RH_FIRST_NODE, err))
        return false;
    if (home->model == RH_MODEL_SHARED) {
        const char *params[] = {id, rh_arena_printf(a, "%lld", (long long)on.id)};
        *home = on;
        return rh_db_query(o->catalog, a, rh_sql_homes_join_shared, 2, params, err) != NULL;
    }
    const char *params[] = {id, rh_model_name(home->model), o->app->conf->app_name, o->app->shared_db,
                            rh_arena_printf(a, "%d", on.node->id)};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_homes_assign, 5, params, err);
    if (!res && strcmp(err->sqlstate, "23505") == 0) {
        rh_err_set(err, RH_E_EXISTS, "another home has the name that the tenant asked for");
        rh_err_hint(err, "Change home_name of the tenant, or leave it empty.");
    }
    return res && rh_tenant_home(o, a, id, home, err);
}

static bool note_home(rh_operator *o, rh_arena *a, const rh_home *home, const rh_home_versions *v,
                      rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id),
                            rh_arena_printf(a, "%d", v->reference), rh_arena_printf(a, "%d", v->tenant)};
    return home->model == RH_MODEL_SHARED ||
           rh_db_query(o->catalog, a, rh_sql_homes_versions, 3, params, err);
}

/* given: the home stood by and lacks nothing but the tenant's own rows. */
static bool settle(rh_operator *o, rh_arena *a, const rh_home *home, const char *id,
                   const rh_profile *profile, bool given, rh_err *err)
{
    rh_home_versions versions = {0};
    rh_reference_report report;
    rh_db *shared = rh_operator_shared(o, home, err),
          *db = shared ? rh_home_enter(o->app, home, shared, err) : NULL;
    bool made = given || home->model == RH_MODEL_SHARED;
    bool ok = db && rh_db_set_lazy(db, home->node->id == RH_FIRST_NODE, err) &&
              (made || rh_home_migrate(o->app, home, db, &o->sets, NULL, &versions, err)) &&
              rh_reference_bring_home(o, home, db, &report, err) &&
              rh_home_admit(o->app, home, db, id, profile, err) &&
              (made || note_home(o, a, home, &versions, err));
    rh_home_leave(db, shared);
    rh_step("create.settled");
    return ok;
}

/* The place itself: an empty one, or the database that is adopted. */
static bool make_home(rh_operator *o, rh_arena *a, const char *id, const rh_home *home, rh_err *err)
{
    int64_t version;
    const char *adopted = rh_db_value(o->catalog, a, rh_sql_adopt_begun, 1, &id, err);
    rh_db *shared = adopted ? rh_operator_shared(o, home, err) : NULL;
    if (!shared || !*adopted)
        return shared && rh_home_make(o->app, home, shared, err);
    return rh_parse_int(adopted, &version) && rh_adopt(o->app, &o->sets, home, (int)version, id, shared, err);
}

static bool make_and_settle(rh_operator *o, rh_arena *a, const char *id, const rh_home *home,
                            const rh_profile *profile, rh_err *err)
{
    rh_db *shared = rh_operator_shared(o, home, err);
    if (!shared || !rh_tenant_lock_node(shared, home->node, id, err))
        return false;
    bool ok = make_home(o, a, id, home, err);
    rh_step("create.made");
    ok = ok && settle(o, a, home, id, profile, false, err);
    rh_tenant_unlock_node(shared, home->node, id);
    return ok;
}

static bool place(rh_operator *o, rh_arena *a, const char *id, bool given, rh_err *err)
{
    rh_home home;
    PGresult *row = rh_db_query(o->catalog, a, rh_sql_tenants_find, 1, &id, err);
    if (!row)
        return false;
    size_t n = (size_t)PQnfields(row);
    const char **names = RH_NEW_ARRAY(a, const char *, n), **values = RH_NEW_ARRAY(a, const char *, n);
    for (size_t i = 0; i < n; i++) {
        names[i] = PQfname(row, (int)i);
        values[i] = PQgetisnull(row, 0, (int)i) ? NULL : PQgetvalue(row, 0, (int)i);
    }
    rh_profile profile = {names, values, n};
    if (!rh_tenant_home(o, a, id, &home, err))
        return false;
    if (given)
        return settle(o, a, &home, id, &profile, true, err);
    if (!assign_home(o, a, id, &home, err))
        return false;
    rh_step("create.assigned");
    return make_and_settle(o, a, id, &home, &profile, err);
}

/* Under the tenant's lock. */
static bool provision(rh_operator *o, rh_arena *a, const char *id, bool given, rh_err *err)
{
    rh_err ignored;
    const char *state = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
    if (!state)
        return false;
    if (strcmp(state, rh_tenant_state_name(RH_TENANT_ACTIVE)) == 0)
        return true; /* somebody else was faster */
    if (strcmp(state, rh_tenant_state_name(RH_TENANT_PROVISIONING)) != 0 &&
        !rh_tenant_change_state(o->catalog, id, RH_TENANT_PROVISIONING, NULL, err))
        return false;
    bool ok = place(o, a, id, given, err) && rh_db_set_lazy(o->catalog, false, err);
    if (ok)
        return rh_tenant_change_state(o->catalog, id, RH_TENANT_ACTIVE, NULL, err);
    rh_db_set_lazy(o->catalog, false, &ignored);
    rh_tenant_change_state(o->catalog, id, RH_TENANT_FAILED, err->message, &ignored);
    return false;
}

/* Until the last commit says that the tenant is active, nothing was promised: what a crash of the machine
 * takes away of it is its end, as if we had been killed earlier, since one server's commits reach the disk in
 * their order. */
static bool set_lazy(rh_operator *o, bool lazy, rh_err *err)
{
    return rh_db_set_lazy(o->catalog, lazy, err) && rh_db_set_lazy(o->shared, lazy, err);
}

static bool provision_locked(rh_operator *o, const char *id, bool given, rh_err *err)
{
    if (!rh_tenant_lock(o->catalog, o->shared, id, err))
        return false;
    rh_arena *a = rh_arena_new();
    rh_err ignored;
    bool ok = set_lazy(o, true, err) && provision(o, a, id, given, err);
    set_lazy(o, false, &ignored);
    rh_tenant_unlock(o->catalog, o->shared, id);
    rh_arena_free(a);
    return ok;
}

bool rh_tenant_provision(rh_operator *o, const char *id, rh_err *err)
{
    return provision_locked(o, id, false, err);
}

bool rh_tenant_create(rh_operator *o, rh_arena *a, const rh_tenant_spec *wanted, const char **id, rh_err *err)
{
    rh_tenant_spec spec;
    *id = NULL;
    if (!check_spec(o->app, a, wanted, &spec, err) || !check_node(o, a, &spec, err) ||
        !check_profile(o, a, &spec.profile, err) || !prepare_id(o, a, &spec, err))
        return false;
    bool given = may_stand_by(o, &spec);
    if (!rh_db_set_lazy(o->catalog, !given || needs_settling(o), err))
        return false;
    *id = given ? insert_row(o, a, &spec, true, err) : "";
    if (*id && !**id) {
        given = false;
        *id = insert_row(o, a, &spec, false, err);
    }
    if (!*id && err->code == RH_E_EXISTS) {
        given = false;
        *id = find_unfinished(o, a, &spec);
    }
    if (!*id) {
        rh_err ignored;
        rh_db_set_lazy(o->catalog, false, &ignored);
        return false;
    }
    if (given)
        rh_step("create.given");
    else
        rh_step("create.entered");
    return (given && !needs_settling(o)) || provision_locked(o, *id, given, err);
}

bool rh_tenant_provision_waiting(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg,
                                 int *done, int *failed, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    *done = *failed = 0;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_waiting, 0, NULL, err);
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        bool placed = rh_tenant_provision(o, PQgetvalue(res, i, 0), err);
        if (!placed && PQstatus(rh_db_conn(o->catalog)) != CONNECTION_OK)
            ok = false;
        ++*(placed ? done : failed);
        if (tell)
            tell(arg, rh_arena_printf(a, "tenant %s: %s%s%s%s", PQgetvalue(res, i, 1),
                                      placed ? "has its place" : "failed: ", placed ? "" : err->message,
                                      !placed && *err->hint ? ". " : "", placed ? "" : err->hint));
    }
    rh_arena_free(a);
    return ok;
}

/* ---- find ---- */

const char *rh_tenant_find(rh_operator *o, rh_arena *a, const char *ref, rh_err *err)
{
    const char *id =
        rh_is_utf8(ref, strlen(ref)) ? rh_db_value(o->catalog, a, rh_sql_tenants_find, 1, &ref, err) : "";
    if (!id || *id)
        return id;
    rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant with the id or slug \"%.100s\"", ref);
    rh_err_hint(err, "`rowhouse tenant list` shows them.");
    return NULL;
}
