/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/gate.h"

#include <string.h>

#include "base/json.h"
#include "rest/scan.h"

#define CLAIMS_MAX ((size_t)1 << 20)

/* ---- the schema ---- */

static const rh_adopted_schema *find_schema(const rh_adopted_state *s, const char *name)
{
    for (size_t i = 0; i < s->n_schemas; i++)
        if (strcmp(s->schemas[i].name, name) == 0)
            return &s->schemas[i];
    return NULL;
}

static bool not_exposed(const rh_adopted_state *s, const char *name, bool tell, rh_err *err)
{
    rh_err_set(err, RH_E_SCHEMA, "Invalid schema: %.*s", RH_CLIPPED(name));
    return tell && rh_err_hint(err, "Only the following schemas are exposed: %s", s->schema_list);
}

static bool choose_schema(const rh_adopted_state *s, const char *profile, rh_gate_pass *out, rh_err *err)
{
    out->schema = profile ? find_schema(s, profile) : &s->schemas[0];
    return out->schema || not_exposed(s, profile, true, err);
}

/* The token's schema is the tenant: which others there are is nobody's business. */
static bool token_schema(const rh_adopted_state *s, const rh_role_identity *who, const char *profile,
                         rh_gate_pass *out, rh_err *err)
{
    if (!*who->tenant) {
        rh_err_set(err, RH_E_NO_TENANT, "no tenant is named");
        return rh_err_hint(err,
                           "Send `Authorization: Bearer TOKEN` with a token whose claim %s names a schema.",
                           s->conf->auth_tenant_claim);
    }
    if (profile && strcmp(profile, who->tenant) != 0) {
        rh_err_set(err, RH_E_TENANT_MISMATCH, "token and profile do not name the same schema");
        return rh_err_hint(err, "Leave the header out, or send the schema that the token names.");
    }
    out->schema = find_schema(s, who->tenant);
    return out->schema || rh_err_set(err, RH_E_UNKNOWN_TENANT, "the token's claim %s names no exposed schema",
                                     s->conf->auth_tenant_claim);
}

/* ---- the role ---- */

/* What the app's code finds: PostgREST tells it of the role that is in force, whoever chose it. */
static const char *claims_with_role(rh_arena *a, const char *claims, const char *role)
{
    rh_str text;
    size_t len = claims ? strlen(claims) : 0;
    while (len && claims[len - 1] != '}')
        len--;
    size_t inner = len ? len - 1 : 0;
    bool empty = strspn(claims ? claims + (len > 0) : "", " \t\r\n") + 1 >= inner;
    rh_str_init_in(&text, a, CLAIMS_MAX);
    rh_str_addn(&text, claims && len ? claims : "{", len ? inner : 1);
    rh_str_add(&text, empty ? "\"role\":" : ",\"role\":");
    rh_json_add_string(&text, role, strlen(role));
    rh_str_addc(&text, '}');
    return rh_str_cstr(&text);
}

static bool choose_role(rh_arena *a, const rh_adopted_state *s, const rh_role_identity *who,
                        rh_gate_pass *out, rh_err *err)
{
    out->named = *who->role != 0;
    out->role = rh_arena_strdup(a, *who->role ? who->role : s->conf->adopt_db_anon_role);
    if (!*out->role)
        return rh_err_set(err, RH_E_ANONYMOUS, "Anonymous access is disabled");
    if (!s->conf->adopt_privileged_roles && strcmp(out->role, s->login) == 0)
        return rh_err_set(err, RH_E_FORBIDDEN, "the role \"%s\" cannot be used", out->role);
    out->claims = *who->role ? rh_arena_strdup(a, who->claims) : claims_with_role(a, who->claims, out->role);
    const rh_adopted_role *known = rh_map_get(&s->roles, out->role, strlen(out->role));
    out->begin = known ? known->begin : NULL;
    out->timeout_ms = known ? known->timeout_ms : -1;
    return true;
}

bool rh_gate_admit(rh_arena *a, const rh_adopted_state *s, const rh_role_identity *who, const char *profile,
                   rh_gate_pass *out, rh_err *err)
{
    *out = (rh_gate_pass){.state = s};
    bool by_token = s->conf->adopt_tenant_is == RH_ADOPT_SCHEMA;
    if (!choose_role(a, s, who, out, err) ||
        !(by_token ? token_schema(s, who, profile, out, err) : choose_schema(s, profile, out, err)))
        return false;
    out->tenant = by_token                                    ? out->schema->name
                  : s->conf->adopt_tenant_is == RH_ADOPT_ROLE ? out->role
                                                              : "database";
    out->home = rh_hash(out->role, strlen(out->role)) * 31 + (uint64_t)(out->schema - s->schemas) + 1;
    out->home += out->home == 0;
    return true;
}

/* ---- settings ---- */

static void add(rh_arena *a, rh_gate_settings *out, const char *name, const char *value)
{
    rh_rest_setting one = {name, value};
    RH_VEC_PUSH(a, out, one);
}

void rh_gate_add_first(rh_arena *a, const rh_gate_pass *p, rh_gate_settings *out)
{
    const rh_adopted_role *known = rh_map_get(&p->state->roles, p->role, strlen(p->role));
    add(a, out, "search_path", p->schema->path);
    for (size_t i = 0; known && i < known->settings.len; i++)
        add(a, out, known->settings.items[i].name, known->settings.items[i].value);
    add(a, out, "role", p->role);
}

void rh_gate_add_last(rh_arena *a, const rh_gate_pass *p, rh_gate_settings *out)
{
    const rh_conf *conf = p->state->conf;
    for (size_t i = 0; i < conf->app_settings.len; i++)
        add(a, out, conf->app_settings.items[i].name, conf->app_settings.items[i].value);
}

/* ---- errors ---- */

static bool is_unknown_role(const rh_err *err)
{
    size_t len = strlen(err->message);
    static const char end[] = "does not exist";
    return strcmp(err->sqlstate, "22023") == 0 && rh_starts_with(err->message, "role ") && len > sizeof end &&
           strcmp(err->message + len - (sizeof end - 1), end) == 0;
}

static void judge(const rh_gate_pass *p, rh_err *err)
{
    if (err->code != RH_E_DB)
        return;
    if (strcmp(err->sqlstate, "22P02") == 0 && strstr(err->message, RH_REST_USED_GUARD)) {
        rh_err_set(err, RH_E_OVERLOADED,
                   "functions leave temporary tables behind faster than sessions are renewed");
        rh_err_hint(err, "Make them with ON COMMIT DROP.");
    } else if (strstr(err->message, RH_REST_ROLE_GUARD)) {
        rh_err_set(err, RH_E_FORBIDDEN, "the role \"%s\" cannot be used", p->role);
    } else if ((strcmp(err->sqlstate, "42501") == 0 && !p->named) || is_unknown_role(err)) {
        err->code = RH_E_UNAUTHORIZED;
    }
}

void rh_gate_judge_error(const rh_gate_pass *p, rh_err *err)
{
    judge(p, err);
    err->brief = p->state && strcmp(p->state->conf->adopt_client_error_verbosity, "minimal") == 0;
}
