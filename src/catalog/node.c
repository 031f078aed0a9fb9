/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/node.h"

#include <string.h>

#include "app/budget.h"
#include "app/cluster.h"
#include "app/install.h"
#include "app/node.h"
#include "base/step.h"
#include "migrate/ledger.h"
#include "sql.h"

#define RUN_WAIT_MS 60000 /* for a migration that is under way */

const rh_node *rh_node_find(rh_operator *o, rh_arena *a, const char *name, const char **state, rh_err *err)
{
    PGresult *res = rh_is_utf8(name, strlen(name))
                        ? rh_db_query(o->catalog, a, rh_sql_nodes_find, 1, &name, err)
                        : (rh_err_set(err, RH_E_INVALID, "the name of a node is not UTF-8"), NULL);
    if (!res)
        return NULL;
    if (PQntuples(res) == 0) {
        rh_err_set(err, RH_E_NOT_FOUND, "there is no node \"%.100s\"", name);
        rh_err_hint(err, "`rowhouse node list` shows them.");
        return NULL;
    }
    if (state)
        *state = PQgetvalue(res, 0, 3);
    return rh_node_of_row(o->app, a, res, 0, 0);
}

/* ---- add: what is looked at before anything is changed ---- */

/* A server that wants to be a node. */
struct candidate {
    rh_node node; /* id 0 until the catalog has it */
    const char *password;
    bool given; /* the password came with the conninfo */
    bool citus; /* a coordinator */
    const char *identifier, *mark;
    rh_db *admin;
};

/* The row of identity.sql, of any server. */
static PGresult *identity(rh_db *admin, rh_arena *a, rh_err *err)
{
    PGresult *res = rh_db_query(admin, a, rh_sql_nodes_identity, 0, NULL, err);
    if (!res && strcmp(err->sqlstate, "42501") == 0)
        rh_err_hint(err,
                    "GRANT EXECUTE ON FUNCTION pg_control_system() TO the admin: it tells servers apart.");
    return res;
}

static bool dial(rh_operator *o, rh_arena *a, struct candidate *c, rh_err *err)
{
    if (!(c->admin = rh_db_open(c->node.conninfo, NULL, NULL, c->password, err))) {
        rh_err_context(err, "node %s", c->node.name);
        return c->password ? false : rh_node_password_hint(o->app, &c->node, err);
    }
    /* who the admin is must not depend on who runs a command */
    PQconninfoOption *options = PQconninfoParse(c->node.conninfo, NULL);
    if (options)
        c->node.conninfo = rh_node_conninfo_write(a, options, PQuser(rh_db_conn(c->admin)), NULL);
    PQconninfoFree(options);
    return true;
}

static bool check_server(const struct candidate *c, const PGresult *says, rh_err *err)
{
    int version = PQserverVersion(rh_db_conn(c->admin));
    if (version < RH_OLDEST_SERVER) {
        rh_err_set(err, RH_E_CONF, "the server is PostgreSQL %d.%d", version / 10000, version % 10000);
        return rh_err_hint(err, "Rowhouse needs PostgreSQL 15 or newer.");
    }
    if (*PQgetvalue(says, 0, 1) == 't') {
        rh_err_set(err, RH_E_STATE, "the server is a standby");
        return rh_err_hint(err, "Name its primary.");
    }
    if (*PQgetvalue(says, 0, 2) != 't') {
        rh_err_set(err, RH_E_FORBIDDEN, "user %s may not make roles and databases there",
                   PQuser(rh_db_conn(c->admin)));
        return rh_err_hint(err,
                           "The admin of a node is a superuser, or has CREATEROLE, CREATEDB and BYPASSRLS.");
    }
    return true;
}

static bool refuse_name(const struct candidate *c, rh_err *err)
{
    rh_err_set(err, RH_E_EXISTS, "there is a node %s, and it is another server", c->node.name);
    return rh_err_hint(err, "Choose another name.");
}

/* A server is one node at most; the first one's identifier becomes known here. */
static bool check_new(rh_operator *o, rh_arena *a, struct candidate *c, rh_err *err)
{
    rh_db *first = rh_app_connect(o->app, &o->app->first, RH_ROLE_ADMIN, NULL, err);
    PGresult *says = first ? identity(first, a, err) : NULL;
    rh_db_close(first);
    const char *identifier = says ? PQgetvalue(says, 0, 0) : NULL, *params[] = {c->identifier, c->node.name};
    if (!says || !rh_db_query(o->catalog, a, rh_sql_nodes_note_first, 1, &identifier, err))
        return false;
    c->mark = rh_arena_printf(a, "rowhouse node of %s", identifier);
    PGresult *named = rh_db_query(o->catalog, a, rh_sql_nodes_find, 1, &c->node.name, err);
    if (!named || (PQntuples(named) && strcmp(PQgetvalue(named, 0, 4), c->identifier) != 0))
        return named && refuse_name(c, err);
    const char *known = rh_db_value(o->catalog, a, rh_sql_nodes_same_server, 2, params, err);
    if (!known || !*known)
        return known != NULL;
    rh_err_set(err, RH_E_EXISTS, "the server is node %s already, or a copy of it", known);
    return rh_err_hint(err, "Its system identifier, %s, is the same.", c->identifier);
}

/* What has our names there may be another Rowhouse's, with the same app. */
static bool check_unused(const rh_app *app, rh_arena *a, const struct candidate *c, rh_err *err)
{
    PGresult *mark = rh_db_query(c->admin, a, rh_sql_homes_database_mark, 1, &app->shared_db, err);
    if (!mark || PQntuples(mark) == 0 || strcmp(PQgetvalue(mark, 0, 1), c->mark) == 0)
        return mark != NULL;
    rh_db *db = rh_db_open(c->node.conninfo, app->shared_db, NULL, c->password, err);
    const char *used =
        db ? rh_db_value(db, a, "SELECT to_regclass('rowhouse.applied_migrations')", 0, NULL, err) : NULL;
    rh_db_close(db);
    if (!used || !*used)
        return used != NULL;
    rh_err_set(err, RH_E_EXISTS, "database %s on that server belongs to another installation of the app",
               app->shared_db);
    return rh_err_hint(err, "A node serves one catalog. Choose another server, or drop that database.");
}

static bool examine(rh_operator *o, rh_arena *a, struct candidate *c, rh_err *err)
{
    if (!dial(o, a, c, err))
        return false;
    PGresult *says = identity(c->admin, a, err);
    c->identifier = says ? PQgetvalue(says, 0, 0) : NULL;
    bool ok = says && rh_cluster_is_citus(c->admin, &c->citus, err) && check_server(c, says, err) &&
              check_new(o, a, c, err) && check_unused(o->app, a, c, err) &&
              rh_budget_check(o->app->conf, c->admin, err);
    rh_db_close(c->admin);
    return ok || rh_err_context(err, "node %s", c->node.name);
}

/* A node begins where the others are: at the version that was migrated, not at the files'. */
static bool check_migrated(rh_operator *o, rh_err *err)
{
    bool newest;
    if (!rh_home_is_newest(&o->home, o->shared, &o->sets, &newest, err))
        return false;
    if (newest)
        return true;
    rh_err_set(err, RH_E_STATE, "the app has migrations that were not run yet");
    return rh_err_hint(err, "`rowhouse migrate`, then add the node.");
}

/* ---- add: the work ---- */

static bool enter(rh_operator *o, rh_arena *a, struct candidate *c, rh_err *err)
{
    const char *params[] = {c->node.name, c->node.conninfo, c->identifier, c->citus ? "citus" : "plain"};
    const char *id = rh_db_value(o->catalog, a, rh_sql_nodes_enter, 4, params, err);
    int64_t number;
    if (!id)
        return false;
    if (!rh_parse_int(id, &number)) /* somebody was faster */
        return refuse_name(c, err);
    c->node.id = (int)number;
    return true;
}

static bool mark(rh_operator *o, rh_arena *a, const struct candidate *c, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "COMMENT ON DATABASE ");
    rh_str_add_ident(&sql, o->app->shared_db);
    rh_str_add(&sql, " IS ");
    rh_str_add_literal(&sql, c->mark);
    rh_db *shared = rh_nodes_shared(o->nodes, &c->node, err);
    return shared && rh_db_exec(shared, rh_str_cstr(&sql), err);
}

static bool change_state(rh_operator *o, rh_arena *a, const rh_node *node, const char *to, const char *from,
                         rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%d", node->id), to, from};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_nodes_change_state, 3, params, err);
    if (!res || PQntuples(res))
        return res != NULL;
    rh_err_set(err, RH_E_STATE, "node %s has not joined yet", node->name);
    return rh_err_hint(err, "`rowhouse node add %s CONNINFO` again ends what was begun.", node->name);
}

static bool join(rh_operator *o, rh_arena *a, struct candidate *c, rh_err *err)
{
    rh_home home;
    rh_home_versions versions;
    if (c->given && !rh_node_password_keep(o->app, &c->node, c->password, err))
        return false;
    rh_step("node.kept");
    if (!enter(o, a, c, err))
        return false;
    rh_step("node.entered");
    if (!rh_install_node(o->app, &c->node, true, err) || !mark(o, a, c, err))
        return false;
    rh_step("node.installed");
    bool ok = rh_node_shared_home(o, a, &c->node, &home, err) && rh_node_migrate(o, a, &home, &versions, err);
    rh_step("node.migrated");
    /* one that is draining goes on draining */
    return ok && change_state(o, a, &c->node, "active", "{joining,draining}", err);
}

bool rh_node_add(rh_operator *o, rh_arena *a, const char *name, const char *conninfo, rh_err *err)
{
    struct candidate c = {.node = {.name = name}};
    if (!rh_node_name_check(name, err) ||
        !rh_node_conninfo_split(a, conninfo, &c.node.conninfo, &c.password, err))
        return false;
    if (strcmp(name, o->app->first.name) == 0)
        return rh_err_set(err, RH_E_EXISTS, "node %s is the app's own server: server.conninfo says where",
                          name);
    c.given = c.password != NULL;
    if (!c.given)
        c.password = rh_node_password(o->app, a, &c.node);
    return rh_ledger_lock(o->catalog, RUN_WAIT_MS, NULL, NULL, err) && check_migrated(o, err) &&
           examine(o, a, &c, err) && join(o, a, &c, err);
}

/* ---- drain, remove ---- */

bool rh_node_drain(rh_operator *o, rh_arena *a, const char *name, bool draining, rh_err *err)
{
    const rh_node *node = rh_node_find(o, a, name, NULL, err);
    bool ok = node && change_state(o, a, node, draining ? "draining" : "active",
                                   draining ? "{active}" : "{draining}", err);
    rh_step("node.drained");
    return ok;
}

static bool check_empty(rh_operator *o, rh_arena *a, const rh_node *node, const char *id, rh_err *err)
{
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_nodes_lock, 1, &id, err)
                        ? rh_db_query(o->catalog, a, rh_sql_nodes_tenants, 1, &id, err)
                        : NULL;
    if (!res)
        return false;
    const char *there = PQgetvalue(res, 0, 0), *wait = PQgetvalue(res, 0, 1);
    if (strcmp(there, "0") == 0 && strcmp(wait, "0") == 0)
        return true;
    rh_err_set(err, RH_E_STATE, "node %s has tenants: %s with a home there, %s that wait for one", node->name,
               there, wait);
    return rh_err_hint(err,
                       "`rowhouse node drain %s` keeps new ones away; `rowhouse tenant list` shows who is "
                       "there.",
                       node->name);
}

bool rh_node_remove(rh_operator *o, rh_arena *a, const char *name, rh_err *err)
{
    rh_err ignored;
    const rh_node *node = rh_node_find(o, a, name, NULL, err);
    if (!node)
        return false;
    if (node->id == RH_FIRST_NODE)
        return rh_err_set(err, RH_E_STATE, "node %s has the catalog and stays", name);
    const char *id = rh_arena_printf(a, "%d", node->id);
    bool ok =
        rh_ledger_lock(o->catalog, RUN_WAIT_MS, NULL, NULL, err) && rh_db_exec(o->catalog, "BEGIN", err);
    if (!ok)
        return false;
    ok = check_empty(o, a, node, id, err) && rh_db_query(o->catalog, a, rh_sql_nodes_remove, 1, &id, err) &&
         rh_db_exec(o->catalog, "COMMIT", err);
    if (!ok)
        rh_db_exec(o->catalog, "ROLLBACK", &ignored);
    if (!ok && strcmp(err->sqlstate, "23503") == 0)
        rh_err_set(err, RH_E_STATE, "node %s has homes", name);
    rh_step("node.removed");
    if (ok)
        rh_node_password_forget(o->app, node);
    return ok;
}
