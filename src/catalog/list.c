/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/list.h"

#include <string.h>

#include "app/cluster.h"
#include "sql.h"

/* A node's answer becomes a part of one JSON object; of one that is away nothing is known. */
static void add_sizes(rh_arena *a, const PGresult *homes, int row, rh_db *shared, rh_str *out)
{
    rh_err ignored;
    bool citus = false;
    const char *params[] = {PQgetvalue(homes, row, 3), PQgetvalue(homes, row, 4)};
    rh_cluster_is_citus(shared, &citus, &ignored);
    const char *json = rh_db_value(shared, a, citus ? rh_sql_citus_sizes : rh_sql_homes_sizes, citus ? 1 : 2,
                                   params, &ignored);
    if (json)
        rh_str_addf(out, "%s\"%s\":%s", out->len > 1 ? "," : "", PQgetvalue(homes, row, 0), json);
}

/* By tenant, of whatever node: the members of one object after those of another. */
static bool add_shares(rh_operator *o, rh_arena *a, const rh_node *node, rh_db *shared, rh_str *out,
                       rh_err *err)
{
    rh_home home = o->home;
    home.node = node;
    const char *json = rh_home_shares(o->app, &home, shared, a, err);
    size_t len = json ? strlen(json) : 0;
    if (len > 2)
        rh_str_addf(out, "%s%.*s", out->len > 1 ? "," : "", (int)len - 2, json + 1);
    return json != NULL;
}

PGresult *rh_tenant_list(rh_operator *o, rh_arena *a, const char *after, int64_t limit, bool with_shares,
                         bool as_json, rh_err *err)
{
    rh_str sizes, shares;
    rh_err ignored;
    const char *params[] = {after ? after : "", rh_arena_printf(a, "%lld", (long long)limit), NULL, NULL};
    PGresult *homes = rh_db_query(o->catalog, a, rh_sql_tenants_page_homes, 2, params, err);
    rh_str_init_in(&sizes, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&shares, a, RH_STR_TEXT_MAX);
    rh_str_addc(&sizes, '{');
    rh_str_addc(&shares, '{');
    for (int i = 0; homes && i < PQntuples(homes); i++) {
        const rh_node *node = rh_node_of_row(o->app, a, homes, i, 0);
        rh_db *shared = rh_nodes_shared(o->nodes, node, &ignored);
        if (!shared)
            continue;
        add_sizes(a, homes, i, shared, &sizes);
        if (with_shares && *PQgetvalue(homes, i, 5) == 't' && !add_shares(o, a, node, shared, &shares, err))
            return NULL;
    }
    rh_str_addc(&sizes, '}');
    rh_str_addc(&shares, '}');
    params[2] = rh_str_cstr(&sizes);
    params[3] = rh_str_cstr(&shares);
    return homes ? rh_db_query(o->catalog, a, as_json ? rh_sql_tenants_list_json : rh_sql_tenants_list, 4,
                               params, err)
                 : NULL;
}
