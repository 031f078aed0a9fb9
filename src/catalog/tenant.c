/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/tenant.h"

#include <ctype.h>
#include <string.h>

#include "auth/resolve.h"
#include "base/json.h"
#include "base/step.h"
#include "catalog/enter.h"
#include "catalog/node.h"
#include "catalog/provision.h"
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
    return rh_db_exec(catalog, RH_OPERATOR_ANNOUNCE, err);
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
    return rh_sets_load(o->app->conf, o->arena, &o->sets, err) && (o->home.id || find_shared_home(o, err));
}

void rh_operator_close(rh_operator *o)
{
    rh_nodes_free(o->nodes);
    rh_cloner_close(&o->cloner);
    rh_home_script_release(&o->script);
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

bool rh_tenant_create(rh_operator *o, rh_arena *a, const rh_tenant_spec *wanted, const char **id, rh_err *err)
{
    rh_tenant_spec spec;
    rh_entered e = {0};
    *id = NULL;
    if (!check_spec(o->app, a, wanted, &spec, err) || !check_node(o, a, &spec, err) ||
        !check_profile(o, a, &spec.profile, err) || !prepare_id(o, a, &spec, err))
        return false;
    bool ok = rh_tenant_enter(o, a, &spec, &e, err);
    *id = ok ? e.id : err->code == RH_E_EXISTS ? find_unfinished(o, a, &spec) : NULL;
    if (!*id)
        return false;
    if (e.given)
        rh_step("create.given");
    else
        rh_step("create.entered");
    return ok ? rh_tenant_settle(o, a, &e, err) : rh_tenant_provision(o, *id, err);
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
