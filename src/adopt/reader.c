/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/reader.h"

#include <string.h>

#include "adopt/tenant_limits.h"
#include "sql.h"

/* What a function db-pre-config may say. */
#define SAID                                                                                                 \
    "{client_error_verbosity,db_aggregates_enabled,db_anon_role,db_extra_search_path,"                       \
    "db_hoisted_tx_settings,db_max_rows,db_plan_enabled,db_pre_request,db_root_spec,db_schemas,db_tx_end,"   \
    "jwt_aud,jwt_role_claim_key,jwt_secret,jwt_secret_is_base64,openapi_mode,openapi_security_active,"       \
    "openapi_server_proxy_uri,server_cors_allowed_origins,server_timing_enabled,server_trace_header,"        \
    "url_use_legacy_target_names}"

rh_db *rh_adopt_connect(const rh_conf *conf, rh_err *err)
{
    rh_db *db = rh_db_open(conf->adopt_db_uri, NULL, NULL, NULL, err);
    /* compiling the large query of the relation cache takes two hundred times as long as it runs */
    if (db &&
        rh_db_exec(db, "SET search_path = pg_catalog, pg_temp; SET statement_timeout = '60s'; SET jit = off",
                   err))
        return db;
    rh_db_close(db);
    rh_err_context(err, "db-uri");
    return NULL;
}

/* ---- settings of the database's own ---- */

typedef RH_VEC(rh_conf_pair) pairs;

static void add_pairs(rh_arena *a, pairs *out, const PGresult *res)
{
    for (int i = 0; i < PQntuples(res); i++) {
        char *name = rh_arena_strdup(a, PQgetvalue(res, i, 0));
        for (char *c = name; *c && !rh_starts_with(name, "limits."); c++) /* those name schemas and roles */
            *c = *c == '_' ? '-' : *c;
        rh_conf_pair pair = {name, rh_arena_strdup(a, PQgetvalue(res, i, 1))};
        RH_VEC_PUSH(a, out, pair);
    }
}

/* schema.function, or a function of the search_path: its call, whose names are looked up when it runs. */
static const char *call_of(rh_arena *a, const char *function)
{
    rh_str text;
    const char *dot = strchr(function, '.');
    rh_str_init_in(&text, a, 1024);
    rh_str_add(&text, "SELECT ");
    if (dot) {
        rh_str_add_ident(&text, rh_arena_strndup(a, function, (size_t)(dot - function)));
        rh_str_addc(&text, '.');
    }
    rh_str_add_ident(&text, dot ? dot + 1 : function);
    rh_str_add(&text, "()");
    return rh_str_cstr(&text);
}

static bool ask_function(rh_db *db, rh_arena *a, const char *function, pairs *out, rh_err *err)
{
    const char *names = SAID;
    rh_err later;
    const char *begin = rh_arena_printf(a, "BEGIN READ ONLY; %s", call_of(a, function));
    PGresult *res =
        rh_db_exec(db, begin, err) ? rh_db_query(db, a, rh_sql_adopted_settings_said, 1, &names, err) : NULL;
    if (res)
        add_pairs(a, out, res);
    return rh_db_exec(db, "ROLLBACK", &later) && (res || rh_err_context(err, "db-pre-config"));
}

bool rh_adopt_says_nobody(const rh_conf *conf)
{
    return !*conf->adopt_db_anon_role && !*conf->auth_secret && !*conf->auth_key_file &&
           !*conf->auth_jwks_url;
}

static rh_conf *read_settings(rh_adopted_state *s, rh_conf *conf, rh_db *db, rh_err *err)
{
    pairs said = {0};
    if (!conf->adopt_db_config)
        return conf;
    if (*conf->adopt_db_pre_config && !ask_function(db, s->arena, conf->adopt_db_pre_config, &said, err))
        return NULL;
    PGresult *res = rh_db_query(db, s->arena, rh_sql_adopted_settings, 0, NULL, err);
    if (!res)
        return NULL;
    add_pairs(s->arena, &said, res);
    rh_conf *amended = rh_conf_amend(s->arena, conf, said.items, said.len, err);
    if (!amended)
        rh_err_context(err, "settings of the database (pgrst.*)");
    return amended;
}

/* ---- roles ---- */

static rh_adopted_role *role_named(rh_adopted_state *s, const char *name)
{
    rh_adopted_role *role = rh_map_get(&s->roles, name, strlen(name));
    if (role)
        return role;
    role = RH_NEW(s->arena, rh_adopted_role);
    role->name = rh_arena_strdup(s->arena, name);
    role->timeout_ms = -1;
    rh_map_put(&s->roles, role->name, strlen(role->name), role);
    return role;
}

static bool read_roles(rh_adopted_state *s, rh_db *db, rh_err *err)
{
    PGresult *res = rh_db_query(db, s->arena, rh_sql_adopted_roles, 0, NULL, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_adopted_role *role = role_named(s, PQgetvalue(res, i, 0));
        rh_conf_pair pair = {PQgetvalue(res, i, 1), PQgetvalue(res, i, 2)};
        if (strcmp(pair.name, "default_transaction_isolation") == 0)
            role->begin = rh_adopted_begin(pair.value);
        else
            RH_VEC_PUSH(s->arena, &role->settings, pair);
        if (!PQgetisnull(res, i, 3))
            rh_parse_int(PQgetvalue(res, i, 3), &role->timeout_ms);
    }
    return res != NULL;
}

/* ---- schemas ---- */

/* Temporary tables, which a function may leave behind in its session, come last. */
static const char *path_of(rh_adopted_state *s, const char *schema)
{
    size_t n;
    rh_str text;
    const char *const *extra = rh_conf_list(s->arena, s->conf->adopt_db_extra_search_path, &n);
    rh_str_init_in(&text, s->arena, RH_STR_TEXT_MAX);
    rh_str_add_ident(&text, schema);
    for (size_t i = 0; i < n; i++) {
        rh_str_add(&text, ", ");
        rh_str_add_ident(&text, extra[i]);
    }
    rh_str_add(&text, ", pg_temp");
    return rh_str_cstr(&text);
}

static bool read_schema(rh_adopted_state *s, const char *name, rh_db *db, rh_err *err)
{
    rh_arena *a = rh_arena_new(); /* the document is large */
    const char *params[] = {name, "", "", "", ""};
    const char *there = rh_db_value(
        db, a, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1::text", 1, params, err);
    bool ok = there && (strcmp(there, "1") == 0 ||
                        rh_err_set(err, RH_E_CONF, "db-schemas: there is no schema \"%s\"", name));
    const char *json = ok ? rh_db_value(db, a, rh_sql_rest_introspect, 5, params, err) : NULL;
    rh_relation_cache *cache = json ? rh_relation_cache_parse(json, strlen(json), err) : NULL;
    if (cache)
        s->schemas[s->n_schemas++] =
            (rh_adopted_schema){rh_arena_strdup(s->arena, name), path_of(s, name), cache};
    rh_arena_free(a);
    return cache != NULL;
}

static bool read_schemas(rh_adopted_state *s, rh_db *db, rh_err *err)
{
    size_t n;
    rh_str list;
    const char *const *names = rh_conf_list(s->arena, s->conf->adopt_db_schemas, &n);
    s->schemas = RH_NEW_ARRAY(s->arena, rh_adopted_schema, n);
    rh_str_init_in(&list, s->arena, RH_STR_TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        rh_str_addf(&list, "%s%s", i ? ", " : "", names[i]);
        if (!read_schema(s, names[i], db, err))
            return false;
    }
    s->schema_list = rh_str_cstr(&list);
    return true;
}

rh_adopted_state *rh_adopt_read(const rh_adopt_source *source, rh_db *db, rh_err *err)
{
    rh_adopted_state *s = rh_adopted_state_new();
    s->login = rh_arena_strdup(s->arena, PQuser(rh_db_conn(db)));
    s->database = rh_arena_strdup(s->arena, PQdb(rh_db_conn(db)));
    rh_conf *conf = source->read(s->arena, source->arg, err);
    s->conf = conf = conf ? read_settings(s, conf, db, err) : NULL;
    if (conf && source->first_look && rh_adopt_says_nobody(conf))
        conf->adopt_privileged_roles = true;
    if (s->conf && read_roles(s, db, err) && read_schemas(s, db, err) && rh_tenant_limits_read(s, err)) {
        const char *function = s->conf->adopt_db_pre_request;
        s->pre_request = *function ? call_of(s->arena, function) : NULL;
        s->hoisted = rh_conf_list(s->arena, conf->adopt_db_hoisted_tx_settings, &s->n_hoisted);
        s->no_keys = !*conf->auth_secret && !*conf->auth_key_file && !*conf->auth_jwks_url &&
                     !rh_adopt_says_nobody(conf);
        return s;
    }
    rh_adopted_leave(s);
    return NULL;
}
