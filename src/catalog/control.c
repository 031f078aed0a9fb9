/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/control.h"

#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "catalog/life.h"
#include "catalog/limits.h"
#include "catalog/list.h"
#include "catalog/node.h"
#include "catalog/token.h"
#include "sql.h"

static bool borrow(void *control, rh_operator *o, rh_err *err)
{
    return rh_operators_borrow(((rh_control *)control)->operators, o, err);
}

static void give_back(void *control, rh_operator *o, bool ok)
{
    rh_operators_give_back(((rh_control *)control)->operators, o, ok);
}

static bool add_value(rh_operator *o, rh_arena *a, const char *sql, int n, const char *const *params,
                      rh_str *out, rh_err *err)
{
    const char *json = rh_db_value(o->catalog, a, sql, n, params, err);
    if (json)
        rh_str_add(out, json);
    return json != NULL;
}

bool rh_control_list(void *control, rh_arena *a, int64_t limit, const char *after, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!borrow(control, &o, err))
        return false;
    PGresult *res = rh_tenant_list(&o, a, after, limit, false, true, err);
    if (res)
        rh_str_add(out, PQgetvalue(res, 0, 0));
    give_back(control, &o, res != NULL);
    return res != NULL;
}

bool rh_control_nodes(void *control, rh_arena *a, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!borrow(control, &o, err))
        return false;
    PGresult *res = rh_node_list(&o, a, true, err);
    if (res)
        rh_str_add(out, PQgetvalue(res, 0, 0));
    give_back(control, &o, res != NULL);
    return res != NULL;
}

bool rh_control_create(void *control, rh_arena *a, const json_t *body, rh_str *out, rh_err *err)
{
    rh_operator o;
    rh_tenant_spec spec = {0};
    const char *id;
    if (!rh_tenant_spec_from_json(a, body, &spec, err) || !borrow(control, &o, err))
        return false;
    bool ok = rh_tenant_create(&o, a, &spec, &id, err) &&
              add_value(&o, a, rh_sql_tenants_show_json, 1, &id, out, err);
    give_back(control, &o, ok);
    return ok;
}

bool rh_control_show(void *control, rh_arena *a, const char *ref, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!borrow(control, &o, err))
        return false;
    const char *id = rh_tenant_find(&o, a, ref, err);
    bool ok = id && add_value(&o, a, rh_sql_tenants_show_json, 1, &id, out, err);
    give_back(control, &o, ok);
    return ok;
}

/* ---- a tenant's life ---- */

/* A text member; NULL when it is not there. RH_E_BODY when it is something else. */
static bool body_text(const json_t *body, const char *name, const char **out, rh_err *err)
{
    const json_t *v = json_object_get(body, name);
    *out = json_string_value(v);
    return !v || json_is_string(v) || rh_err_set(err, RH_E_BODY, "\"%s\" is not a text", name);
}

static bool suspend(rh_operator *o, rh_arena *a, const char *ref, const json_t *body, const char **id,
                    rh_err *err)
{
    const char *reason;
    return body_text(body, "reason", &reason, err) && (*id = rh_tenant_find(o, a, ref, err)) &&
           rh_tenant_suspend(o, *id, reason, err);
}

static bool resume(rh_operator *o, rh_arena *a, const char *ref, const json_t *body, const char **id,
                   rh_err *err)
{
    (void)body;
    return (*id = rh_tenant_find(o, a, ref, err)) && rh_tenant_resume(o, *id, err);
}

static bool rename_tenant(rh_operator *o, rh_arena *a, const char *ref, const json_t *body, const char **id,
                          rh_err *err)
{
    const char *slug, *name;
    return body_text(body, "slug", &slug, err) && body_text(body, "name", &name, err) &&
           rh_tenant_rename(o, a, ref, slug, name, id, err);
}

/* Runs a verb and answers with the tenant. */
static bool run_verb(void *control, rh_arena *a,
                     bool (*verb)(rh_operator *, rh_arena *, const char *, const json_t *, const char **,
                                  rh_err *),
                     const char *ref, const json_t *body, rh_str *out, rh_err *err)
{
    rh_operator o;
    const char *id;
    if (!borrow(control, &o, err))
        return false;
    bool ok =
        verb(&o, a, ref, body, &id, err) && add_value(&o, a, rh_sql_tenants_show_json, 1, &id, out, err);
    give_back(control, &o, ok);
    return ok;
}

bool rh_control_suspend(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                        rh_err *err)
{
    return run_verb(control, a, suspend, ref, body, out, err);
}

bool rh_control_resume(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err)
{
    return run_verb(control, a, resume, ref, body, out, err);
}

bool rh_control_rename(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err)
{
    return run_verb(control, a, rename_tenant, ref, body, out, err);
}

/* The body names the slug of the tenant that the path names (*ref is its id then); one that is gone needs no
 * confirmation. */
static bool check_confirmed(rh_operator *o, rh_arena *a, const char **ref, const json_t *body, rh_err *err)
{
    const char *confirm, *slug, *id = rh_tenant_find(o, a, *ref, err);
    if (!id)
        return err->code == RH_E_NOT_FOUND;
    *ref = id;
    if (!body_text(body, "confirm", &confirm, err) ||
        !(slug = rh_db_value(o->catalog, a, rh_sql_tenants_slug, 1, &id, err)))
        return false;
    if (confirm && strcmp(confirm, slug) == 0)
        return true;
    rh_err_set(err, RH_E_INVALID, "\"confirm\" does not name the tenant's slug");
    return rh_err_hint(err, "Send {\"confirm\": the slug of the tenant that is to be gone}.");
}

bool rh_control_drop(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                     rh_err *err)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    const json_t *keep = json_object_get(body, "dump");
    rh_operator o;
    rh_drop gone;
    if (keep && !json_is_boolean(keep))
        return rh_err_set(err, RH_E_BODY, "\"dump\" is neither true nor false");
    if (pthread_mutex_trylock(&one) != 0) {
        rh_err_set(err, RH_E_LOCKED, "another tenant is being dropped");
        return rh_err_hint(err, "Try again when that has ended.");
    }
    /* a dump may take long: on connections of its own */
    bool ok = rh_operator_open(&o, ((rh_control *)control)->app, err);
    if (ok) {
        ok = check_confirmed(&o, a, &ref, body, err) &&
             rh_tenant_drop(&o, a, ref, !json_is_false(keep), &gone, err);
        if (ok)
            rh_str_add(out, gone.json);
        rh_operator_close(&o);
    }
    pthread_mutex_unlock(&one);
    return ok;
}

/* ---- limits ---- */

static bool no_change(const json_t *body, rh_limits *limits, bool changes[], rh_err *err)
{
    return true;
}

static bool named_changes(const json_t *body, rh_limits *limits, bool changes[], rh_err *err)
{
    if (!json_is_object(body))
        return rh_err_set(err, RH_E_BODY, "a JSON object is expected");
    return rh_limits_from_json(body, limits, changes, err);
}

static bool all_to_default(const json_t *body, rh_limits *limits, bool changes[], rh_err *err)
{
    for (int i = 0; i < RH_N_LIMITS; i++) {
        limits->of[i] = RH_LIMIT_DEFAULT;
        changes[i] = true;
    }
    return true;
}

static bool limits_after(void *control, rh_arena *a, const char *ref, const json_t *body,
                         bool (*change)(const json_t *, rh_limits *, bool[], rh_err *), rh_str *out,
                         rh_err *err)
{
    rh_operator o;
    rh_limits limits;
    bool changes[RH_N_LIMITS] = {false}, any = false;
    if (!change(body, &limits, changes, err) || !borrow(control, &o, err))
        return false;
    for (int i = 0; i < RH_N_LIMITS; i++)
        any |= changes[i];
    const char *id = rh_tenant_find(&o, a, ref, err);
    bool ok = id && (!any || rh_tenant_set_limits(&o, a, id, &limits, changes, err)) &&
              rh_tenant_limits_json(&o, a, id, out, err);
    give_back(control, &o, ok);
    return ok;
}

bool rh_control_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err)
{
    return limits_after(control, a, ref, body, no_change, out, err);
}

bool rh_control_set_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                           rh_err *err)
{
    return limits_after(control, a, ref, body, named_changes, out, err);
}

bool rh_control_forget_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                              rh_err *err)
{
    return limits_after(control, a, ref, body, all_to_default, out, err);
}

bool rh_control_token(void *control, rh_arena *a, const char *ref, int64_t ttl_s, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!borrow(control, &o, err))
        return false;
    const char *token = rh_tenant_token(&o, a, ref, ttl_s, err);
    give_back(control, &o, token != NULL);
    if (!token)
        return false;
    rh_str_add(out, "{\"token\":");
    rh_json_add_string(out, token, strlen(token));
    rh_str_addf(out, ",\"expires_in\":%lld}", (long long)ttl_s);
    return true;
}
