/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "catalog/node.h"
#include "sql.h"

/* ---- how nodes are ---- */

/* What a node says of itself just now: the row of live.sql. NULL: it is away; the catalog keeps either. */
static PGresult *ask(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err)
{
    rh_err ignored;
    rh_db *shared = rh_nodes_shared(o->nodes, node, err);
    PGresult *res = shared ? rh_db_query(shared, a, rh_sql_nodes_live, 1, &o->app->owner, err) : NULL;
    const char *params[] = {rh_arena_printf(a, "%d", node->id),
                            res && PQntuples(res) ? PQgetvalue(res, 0, 0) : NULL};
    rh_db_query(o->catalog, a, rh_sql_nodes_note_live, 2, params, &ignored);
    return res && PQntuples(res) ? res : NULL;
}

static void add_found(rh_str *out, const rh_node *node, const PGresult *res, const rh_err *err)
{
    rh_str_addf(out, "%s\"%d\":{\"reachable\":%s", out->len > 1 ? "," : "", node->id, res ? "true" : "false");
    if (res) {
        rh_str_addf(out, ",\"bytes\":%s,\"connections\":%s,\"max_connections\":%s,\"version\":",
                    PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2));
        rh_json_add_string(out, PQgetvalue(res, 0, 3), strlen(PQgetvalue(res, 0, 3)));
    } else {
        rh_str_add(out, ",\"error\":");
        rh_json_add_string(out, err->message, strlen(err->message));
    }
    rh_str_addc(out, '}');
}

PGresult *rh_node_list(rh_operator *o, rh_arena *a, bool as_json, rh_err *err)
{
    rh_str found;
    rh_err why;
    PGresult *all = rh_db_query(o->catalog, a, rh_sql_nodes_all, 0, NULL, err);
    rh_str_init_in(&found, a, RH_STR_TEXT_MAX);
    rh_str_addc(&found, '{');
    for (int i = 0; all && i < PQntuples(all); i++) {
        const rh_node *node = rh_node_of_row(o->app, a, all, i, 0);
        add_found(&found, node, ask(o, a, node, &why), &why);
    }
    rh_str_addc(&found, '}');
    const char *text = rh_str_cstr(&found);
    PGresult *list = all ? rh_db_query(o->catalog, a, rh_sql_nodes_list_json, 1, &text, err) : NULL;
    if (!list || as_json)
        return list;
    const char *json = PQgetvalue(list, 0, 0);
    return rh_db_query(o->catalog, a, rh_sql_nodes_list, 1, &json, err);
}

/* ---- where a home goes ---- */

/* Sizes that are a minute old are asked for anew. *any: some were. */
static bool measure(rh_operator *o, rh_arena *a, bool *any, rh_err *err)
{
    rh_err ignored;
    PGresult *due = rh_db_query(o->catalog, a, rh_sql_nodes_due, 0, NULL, err);
    for (int i = 0; due && i < PQntuples(due); i++)
        ask(o, a, rh_node_of_row(o->app, a, due, i, 0), &ignored);
    *any = due && PQntuples(due) > 0;
    return due != NULL;
}

/* Whether a home that is made there now would be like the others. */
static bool is_usable(rh_operator *o, const rh_home *home, rh_err *err)
{
    bool newest;
    if (home->node->id == RH_FIRST_NODE)
        return true;
    rh_db *shared = rh_nodes_shared(o->nodes, home->node, err);
    if (!shared || !rh_home_is_newest(home, shared, &o->sets, &newest, err))
        return false;
    if (newest && (home->id || !o->app->conf->keyed))
        return true;
    rh_err_set(err, RH_E_STATE, "node %s is not at the newest version", home->node->name);
    return rh_err_hint(err, "`rowhouse migrate` brings it there.");
}

static bool is_open(const rh_node *node, const char *state, rh_err *err)
{
    if (strcmp(state, "active") == 0)
        return true;
    rh_err_set(err, RH_E_STATE, "node %s is %s: it takes no new homes", node->name, state);
    return rh_err_hint(err, strcmp(state, "draining") == 0
                                ? "`rowhouse node undrain` opens it again."
                                : "`rowhouse node add` again ends what was begun.");
}

bool rh_node_choose(rh_operator *o, rh_arena *a, const char *tenant_id, rh_model model, rh_home *out,
                    rh_err *err)
{
    bool measured = false;
    const char *alone = rh_db_value(o->catalog, a, rh_sql_nodes_alone, 0, NULL, err);
    *out = o->home;
    out->node = &o->app->first;
    if (!alone || *alone)
        return alone != NULL;
    const char *params[] = {tenant_id, rh_model_name(model)};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_nodes_choose, 2, params, err);
    if (res && PQntuples(res) > 1 && measure(o, a, &measured, err) && measured)
        res = rh_db_query(o->catalog, a, rh_sql_nodes_choose, 2, params, err);
    if (!res)
        return false;
    rh_err_set(err, RH_E_STATE, "no node takes new homes%s",
               model == RH_MODEL_DATABASE ? " of the model database" : "");
    rh_err_hint(err, "`rowhouse node list` shows their states; `rowhouse node undrain` opens one again.%s",
                model == RH_MODEL_DATABASE
                    ? " Databases of single tenants stand on plain PostgreSQL servers only, "
                      "not on a Citus coordinator."
                    : "");
    for (int i = 0; i < PQntuples(res); i++) {
        *out = (rh_home){.model = RH_MODEL_SHARED,
                         .node = rh_node_of_row(o->app, a, res, i, 0),
                         .database = o->app->shared_db,
                         .schema = RH_SHARED_SCHEMA};
        rh_parse_int(PQgetvalue(res, i, 4), &out->id);
        if (is_open(out->node, PQgetvalue(res, i, 3), err) && is_usable(o, out, err))
            return true;
    }
    return false;
}
