/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/life.h"

#include <string.h>

#include "base/step.h"
#include "catalog/state.h"
#include "sql.h"

/* To state `to` from no other than `from`; fine when it is there already. */
static bool change(rh_operator *o, const char *id, rh_tenant_state from, rh_tenant_state to,
                   const char *reason, rh_err *err)
{
    rh_tenant_state now;
    rh_arena *a = rh_arena_new();
    const char *state = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
    bool ok = state != NULL;
    if (ok && !rh_tenant_state_parse(state, &now)) {
        ok = rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant %s", id);
    } else if (ok && now != to && now != from) {
        ok = rh_err_set(err, RH_E_STATE, "tenant %s is %s", id, state);
        rh_err_hint(err, "Only a tenant that is %s can become %s.", rh_tenant_state_name(from),
                    rh_tenant_state_name(to));
    } else if (ok && now != to) {
        ok = rh_tenant_change_state(o->catalog, id, to, reason, err);
    }
    rh_arena_free(a);
    return ok;
}

bool rh_tenant_suspend(rh_operator *o, const char *id, const char *reason, rh_err *err)
{
    bool ok = change(o, id, RH_TENANT_ACTIVE, RH_TENANT_SUSPENDED, reason, err);
    rh_step("suspend.changed");
    return ok;
}

bool rh_tenant_resume(rh_operator *o, const char *id, rh_err *err)
{
    bool ok = change(o, id, RH_TENANT_SUSPENDED, RH_TENANT_ACTIVE, NULL, err);
    rh_step("resume.changed");
    return ok;
}

/* ---- rename ---- */

/* The tenant that `ref` names; where nobody is called so any more because this very change was made already,
 * the one it was made to. */
static const char *find_to_rename(rh_operator *o, rh_arena *a, const char *ref, const char *slug, rh_err *err)
{
    rh_err ignored;
    const char *id = rh_tenant_find(o, a, ref, err), *params[] = {ref, slug};
    if (id || err->code != RH_E_NOT_FOUND || !slug)
        return id;
    id = rh_db_value(o->catalog, a, rh_sql_tenants_renamed, 2, params, &ignored);
    return id && *id ? id : NULL;
}

bool rh_tenant_rename(rh_operator *o, rh_arena *a, const char *ref, const char *slug, const char *name,
                      const char **id, rh_err *err)
{
    if (!slug && !name)
        return rh_err_set(err, RH_E_USAGE, "rename: to which slug or name?");
    if ((slug && !rh_tenant_slug_check(a, slug, err)) || (name && !rh_tenant_name_check(name, err)) ||
        !(*id = find_to_rename(o, a, ref, slug, err)))
        return false;
    const char *params[] = {*id, slug, name};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_rename, 3, params, err);
    rh_step("rename.changed");
    if (!res && strcmp(err->sqlstate, "23505") == 0) {
        rh_err_set(err, RH_E_EXISTS, "there is a tenant with the slug %s already", slug);
        return rh_err_hint(err, "Choose another slug.");
    }
    if (res && PQntuples(res) == 0)
        return rh_err_set(err, RH_E_STATE, "tenant %s is being dropped", *id);
    return res != NULL;
}
