/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/state.h"

#include "sql.h"

/* From which states a state may be reached, as an SQL array. To add an arrow: a word here. */
static const char *const reachable_from[] = {
    [RH_TENANT_PENDING] = "{}",
    [RH_TENANT_PROVISIONING] = "{pending,failed,provisioning}",
    [RH_TENANT_ACTIVE] = "{provisioning,suspended,moving}",
    [RH_TENANT_SUSPENDED] = "{active}",
    [RH_TENANT_MOVING] = "{active}",
    [RH_TENANT_DROPPING] = "{pending,provisioning,active,suspended,failed}",
    [RH_TENANT_FAILED] = "{pending,provisioning}",
};

rh_db_call rh_tenant_state_call(rh_arena *a, const char *id, rh_tenant_state to, const char *reason)
{
    const char **values = RH_NEW_ARRAY(a, const char *, 4);
    values[0] = id;
    values[1] = rh_tenant_state_name(to);
    values[2] = reason;
    values[3] = reachable_from[to];
    return (rh_db_call){rh_sql_tenants_change_state, 4, values};
}

bool rh_tenant_change_state(rh_db *catalog, const char *id, rh_tenant_state to, const char *reason,
                            rh_err *err)
{
    const char *name = rh_tenant_state_name(to);
    rh_arena *a = rh_arena_new();
    rh_db_call call = rh_tenant_state_call(a, id, to, reason);
    PGresult *res = rh_db_query(catalog, a, call.sql, call.n, call.values, err);
    bool ok = res && PQntuples(res) == 1;
    if (res && !ok) {
        const char *now = rh_db_value(catalog, a, rh_sql_tenants_state, 1, &id, err);
        if (now && *now)
            rh_err_set(err, RH_E_STATE, "tenant %s is %s and cannot become %s", id, now, name);
        else if (now)
            rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant %s", id);
    }
    rh_arena_free(a);
    return ok;
}
