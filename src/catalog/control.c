/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/control.h"

#include <string.h>

#include "base/json.h"
#include "catalog/token.h"
#include "sql.h"

static bool add_value(rh_operator *o, rh_arena *a, const char *sql, int n, const char *const *params,
                      rh_str *out, rh_err *err)
{
    const char *json = rh_db_value(o->catalog, a, sql, n, params, err);
    if (json)
        rh_str_add(out, json);
    return json != NULL;
}

bool rh_control_list(void *app, rh_arena *a, int64_t limit, const char *after, rh_str *out, rh_err *err)
{
    rh_operator o;
    const char *params[] = {after ? after : "", rh_arena_printf(a, "%lld", (long long)limit)};
    if (!rh_operator_open(&o, app, err))
        return false;
    bool ok = add_value(&o, a, rh_sql_tenants_list_json, 2, params, out, err);
    rh_operator_close(&o);
    return ok;
}

bool rh_control_create(void *app, rh_arena *a, const json_t *body, rh_str *out, rh_err *err)
{
    rh_operator o;
    rh_tenant_spec spec = {0};
    const char *id;
    if (!rh_tenant_spec_from_json(a, body, &spec, err) || !rh_operator_open(&o, app, err))
        return false;
    bool ok = rh_tenant_create(&o, a, &spec, &id, err) &&
              add_value(&o, a, rh_sql_tenants_show_json, 1, &id, out, err);
    rh_operator_close(&o);
    return ok;
}

bool rh_control_show(void *app, rh_arena *a, const char *ref, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!rh_operator_open(&o, app, err))
        return false;
    const char *id = rh_tenant_find(&o, a, ref, err);
    bool ok = id && add_value(&o, a, rh_sql_tenants_show_json, 1, &id, out, err);
    rh_operator_close(&o);
    return ok;
}

bool rh_control_token(void *app, rh_arena *a, const char *ref, int64_t ttl_s, rh_str *out, rh_err *err)
{
    rh_operator o;
    if (!rh_operator_open(&o, app, err))
        return false;
    const char *token = rh_tenant_token(&o, a, ref, ttl_s, err);
    rh_operator_close(&o);
    if (!token)
        return false;
    rh_str_add(out, "{\"token\":");
    rh_json_add_string(out, token, strlen(token));
    rh_str_addf(out, ",\"expires_in\":%lld}", (long long)ttl_s);
    return true;
}
