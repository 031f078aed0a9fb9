/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/list.h"

#include "sql.h"

/* The sizes of schemas stand in another database than the tenants. */
PGresult *rh_tenant_list(rh_operator *o, rh_arena *a, const char *after, int64_t limit, bool shares,
                         bool as_json, rh_err *err)
{
    const char *params[] = {after ? after : "", rh_arena_printf(a, "%lld", (long long)limit), NULL, "{}"};
    const char *schemas = rh_db_value(o->catalog, a, rh_sql_tenants_page_schemas, 2, params, err);
    if (!schemas || !(params[2] = rh_db_value(o->shared, a, rh_sql_homes_schema_sizes, 1, &schemas, err)))
        return NULL;
    if (shares && o->app->conf->keyed && !(params[3] = rh_home_shares(o->app, &o->home, o->shared, a, err)))
        return NULL;
    return rh_db_query(o->catalog, a, as_json ? rh_sql_tenants_list_json : rh_sql_tenants_list, 4, params,
                       err);
}
