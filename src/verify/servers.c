/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/servers.h"

#include <string.h>

#include "app/cluster.h"
#include "app/node.h"
#include "catalog/nodes.h"
#include "pg/conninfo.h"
#include "sql.h"

bool rh_verify_nodes_read(const rh_app *app, rh_arena *a, rh_verify_nodes *out, rh_err *err)
{
    rh_err ignored;
    RH_VEC_PUSH(a, out, ((rh_verify_node){&app->first, app->first_is_citus}));
    rh_db *catalog = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->catalog_db, &ignored);
    const char *there =
        catalog ? rh_db_value(catalog, a, "SELECT to_regclass('rowhouse.nodes')", 0, NULL, err) : "";
    PGresult *res = there && *there ? rh_db_query(catalog, a, rh_sql_verify_nodes, 0, NULL, err) : NULL;
    for (int i = 0; res && i < PQntuples(res); i++)
        RH_VEC_PUSH(a, out,
                    ((rh_verify_node){rh_node_of_row(app, a, res, i, 0), *PQgetvalue(res, i, 3) == 't'}));
    rh_db_close(catalog);
    return there && (!*there || res);
}

const char *rh_verify_node_conninfo(const rh_app *app, rh_arena *a, const rh_node *node)
{
    const char *password = rh_node_password(app, a, node);
    rh_str text;
    rh_str_init_in(&text, a, RH_STR_TEXT_MAX);
    rh_str_add(&text, node->conninfo);
    if (password)
        rh_str_add(&text, " password='");
    for (; password && *password; password++) {
        if (*password == '\'' || *password == '\\')
            rh_str_addc(&text, '\\');
        rh_str_addc(&text, *password);
    }
    if (password)
        rh_str_addc(&text, '\'');
    return rh_str_cstr(&text);
}

/* ---- removing ---- */

static bool remove_here(rh_db *admin, rh_arena *a, const char *name, rh_err *err)
{
    PGresult *res = rh_db_query(admin, a, rh_sql_verify_removal, 1, &name, err);
    for (int i = 0; res && i < PQntuples(res); i++)
        if (!rh_db_exec(admin, PQgetvalue(res, i, 0), err))
            return rh_err_context(err, "%s", PQgetvalue(res, i, 0));
    return res != NULL;
}

static bool remove_at(const rh_app *app, rh_arena *a, const rh_node *node, const char *name, rh_err *err)
{
    rh_db *admin = rh_app_connect(app, node, RH_ROLE_ADMIN, NULL, err);
    bool ok = admin && rh_db_exec(admin, "SET citus.enable_ddl_propagation = off", err) &&
              remove_here(admin, a, name, err);
    rh_db_close(admin);
    return ok;
}

/* Each server by itself: what Citus would send on meets what is in use there. */
static bool remove_at_workers(const rh_app *app, rh_arena *a, const rh_node *node, rh_db *coordinator,
                              const char *name, rh_err *err)
{
    PGresult *res = rh_db_query(coordinator, a, rh_sql_citus_nodes, 0, NULL, err);
    bool ok = res && rh_db_exec(coordinator, "SET citus.enable_ddl_propagation = off", err);
    for (int i = 0; ok && i < PQntuples(res); i++) {
        const char *host = PQgetvalue(res, i, 0), *port = PQgetvalue(res, i, 1);
        const char *conninfo = rh_conninfo_at(a, node->conninfo, host, port);
        const rh_node worker = {.id = node->id, .name = node->name, .conninfo = conninfo};
        if (*PQgetvalue(res, i, 2) != 't')
            ok = conninfo && (remove_at(app, a, &worker, name, err) ||
                              rh_err_context(err, "Citus worker %s:%s", host, port));
    }
    return ok;
}

static bool remove_from(const rh_app *app, rh_arena *a, const rh_verify_node *n, rh_db *admin,
                        const char *name, rh_err *err)
{
    rh_db *own = admin ? NULL : rh_app_connect(app, n->node, RH_ROLE_ADMIN, NULL, err);
    rh_db *db = admin ? admin : own;
    bool ok = db && (!n->citus || remove_at_workers(app, a, n->node, db, name, err)) &&
              remove_here(db, a, name, err);
    rh_db_close(own);
    return ok;
}

bool rh_verify_remove_objects(const rh_app *app, rh_arena *a, const rh_verify_nodes *nodes, rh_db *admin,
                              const char *name, rh_err *err)
{
    for (size_t i = nodes->len; i-- > 0;)
        if (!remove_from(app, a, &nodes->items[i], i ? NULL : admin, name, err))
            return rh_err_context(err, "node %s", nodes->items[i].node->name);
    return true;
}
