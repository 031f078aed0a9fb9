/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cluster.h"
#include "catalog/node.h"
#include "catalog/reference.h"
#include "home/script.h"
#include "sql.h"

bool rh_node_shared_home(rh_operator *o, rh_arena *a, const rh_node *node, rh_home *out, rh_err *err)
{
    const char *id, *number = rh_arena_printf(a, "%d", node->id),
                    *params[] = {o->app->shared_db, RH_SHARED_SCHEMA, number};
    *out = (rh_home){
        .model = RH_MODEL_SHARED, .node = node, .database = o->app->shared_db, .schema = RH_SHARED_SCHEMA};
    return !o->app->conf->keyed || (rh_db_query(o->catalog, a, rh_sql_homes_enter, 3, params, err) &&
                                    (id = rh_db_value(o->catalog, a, rh_sql_homes_shared, 1, &number, err)) &&
                                    rh_parse_int(id, &out->id));
}

static bool is_in_use(rh_operator *o, rh_arena *a, rh_model model, bool *in_use, rh_err *err)
{
    const char *name = rh_model_name(model),
               *found = rh_db_value(o->catalog, a, rh_sql_homes_wants_model, 1, &name, err);
    *in_use = found && (*found || o->app->conf->model == model);
    return found != NULL;
}

bool rh_node_keep_script(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err)
{
    bool wanted;
    rh_db *shared = rh_nodes_shared(o->nodes, node, err);
    return shared && rh_home_script_prepare(o->app, shared, err) &&
           is_in_use(o, a, RH_MODEL_SCHEMA, &wanted, err) &&
           (!wanted || rh_home_script_keep(o->app, node, shared, &o->sets, err));
}

bool rh_node_migrate_template(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err)
{
    rh_home home = {.model = RH_MODEL_DATABASE,
                    .node = node,
                    .database = o->app->template_db,
                    .schema = RH_SHARED_SCHEMA};
    rh_home_versions versions;
    bool citus, wanted;
    if (!is_in_use(o, a, RH_MODEL_DATABASE, &wanted, err))
        return false;
    if (!wanted)
        return true;
    rh_db *shared = rh_nodes_shared(o->nodes, node, err), *db = NULL;
    if (!shared || !rh_cluster_is_citus(shared, &citus, err))
        return false;
    if (citus) /* there are no databases of single tenants */
        return true;
    bool ok = rh_home_make(o->app, &home, shared, err) && (db = rh_home_enter(o->app, &home, shared, err)) &&
              rh_home_migrate(o->app, &home, db, &o->sets, NULL, &versions, err);
    rh_home_leave(db, shared);
    return ok || rh_err_context(err, "template database %s", home.database);
}

/* Whether the node is a Citus coordinator, for the placing of homes and for servers. */
static bool note_kind(rh_operator *o, rh_arena *a, const rh_node *node, rh_db *shared, rh_err *err)
{
    bool citus;
    if (!rh_cluster_is_citus(shared, &citus, err))
        return false;
    const char *params[] = {rh_arena_printf(a, "%d", node->id), citus ? "true" : "false"};
    return rh_db_query(o->catalog, a, rh_sql_citus_note_kind, 2, params, err) != NULL;
}

/* Of a server that was a node before and is one again. */
static bool inherit(const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err)
{
    const char *id = rh_arena_printf(a, "%lld", (long long)home->id),
               *earlier = rh_db_value(shared, a, rh_sql_nodes_inherit_shared, 1, &id, err);
    int64_t n = 0;
    if (!earlier || (rh_parse_int(earlier, &n) && n < 2))
        return earlier != NULL;
    rh_err_set(err, RH_E_STATE, "database %s on node %s holds what is left of other homes", home->database,
               home->node->name);
    return rh_err_hint(err, "It is of no tenant of this catalog: look at it, then drop the database.");
}

bool rh_node_migrate(rh_operator *o, rh_arena *a, const rh_home *home, rh_home_versions *versions,
                     rh_err *err)
{
    rh_db *shared = rh_nodes_shared(o->nodes, home->node, err);
    rh_reference_report rows;
    *versions = (rh_home_versions){0};
    if (!shared || !note_kind(o, a, home->node, shared, err) ||
        !rh_home_migrate_reference(o->app, shared, &o->sets, &versions->reference, err))
        return false;
    if (home->id) {
        if (!inherit(home, shared, a, err) ||
            !rh_home_migrate(o->app, home, shared, &o->sets, NULL, versions, err))
            return false;
        const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id),
                                rh_arena_printf(a, "%d", versions->reference),
                                rh_arena_printf(a, "%d", versions->tenant)};
        if (!rh_db_query(o->catalog, a, rh_sql_homes_versions, 3, params, err))
            return false;
    }
    return rh_reference_bring_home(o, home, shared, &rows, err) &&
           rh_node_migrate_template(o, a, home->node, err) && rh_node_keep_script(o, a, home->node, err);
}
