/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cluster.h"

#include <string.h>

#include "app/install.h"
#include "pg/conninfo.h"
#include "sql.h"

bool rh_cluster_is_citus(rh_db *db, bool *citus, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *version = rh_db_value(db, a, rh_sql_citus_version, 0, NULL, err);
    *citus = version && *version;
    rh_arena_free(a);
    return version != NULL;
}

/* ---- joining ---- */

/* The cluster as the coordinator's own database has it. */
struct cluster {
    const rh_app *app;
    const rh_node *node;
    rh_arena *a;
    PGresult *nodes; /* host, port, is the coordinator */
    const char *owner_password;
};

static bool no_superuser(rh_err *err)
{
    return rh_err_hint(err, "On Citus the admin of server.conninfo must be a superuser.");
}

static bool add_extension(rh_db *db, rh_err *err)
{
    return rh_db_exec(db, "CREATE EXTENSION IF NOT EXISTS citus", err) || no_superuser(err);
}

/* How this database's node logs in on the others as the app's roles. */
static bool note_login(const struct cluster *c, rh_db *db, const char *role, const char *password,
                       rh_err *err)
{
    const char *params[] = {role, rh_arena_printf(c->a, "password=%s", password)};
    return rh_db_query(db, c->a, rh_sql_citus_login, 2, params, err) || no_superuser(err);
}

static bool note_logins(const struct cluster *c, rh_db *db, rh_err *err)
{
    const rh_app *app = c->app;
    return note_login(c, db, app->server, app->server_password, err) &&
           note_login(c, db, app->operator_name, app->operator_password, err) &&
           note_login(c, db, app->owner, c->owner_password, err);
}

/* Citus moves a shard as the owner of its table, from worker to worker: on Citus the owner logs in, with a
 * password that nobody else has. */
static bool let_owner_in(struct cluster *c, rh_db *admin, rh_err *err)
{
    bool made;
    PGresult *state = rh_db_query(admin, c->a, rh_sql_install_role_state, 1, &c->app->owner, err);
    c->owner_password = state ? rh_app_secret(c->app, c->a, "owner_password", &made, err) : NULL;
    if (!c->owner_password)
        return false;
    return (!made && PQntuples(state) > 0 && *PQgetvalue(state, 0, 1) == 't') ||
           rh_install_login(c->app, admin, c->app->owner, c->owner_password, err);
}

/* Citus brings roles to the workers when they are made; those that were there before the cluster was are made
 * here. */
static bool ensure_worker_roles(const struct cluster *c, const rh_node *worker, rh_err *err)
{
    bool made;
    rh_db *admin = rh_app_connect(c->app, worker, RH_ROLE_ADMIN, NULL, err);
    bool ok = admin && rh_install_missing_roles(c->app, admin, &made, err) &&
              (!made || rh_install_login(c->app, admin, c->app->owner, c->owner_password, err));
    rh_db_close(admin);
    return ok;
}

/* The database of a worker, as the coordinator's is. */
static bool prepare_worker(const struct cluster *c, const char *host, const char *port, rh_err *err)
{
    const char *conninfo = rh_conninfo_at(c->a, c->node->conninfo, host, port);
    if (!conninfo)
        return rh_err_set(err, RH_E_CONF, "how node %s is reached was not understood", c->node->name);
    const char *alone = rh_arena_printf(c->a, "%s options='-c citus.enable_ddl_propagation=off'", conninfo);
    const rh_node worker = {.id = c->node->id, .name = c->node->name, .conninfo = alone};
    rh_db *db = NULL;
    bool ok = ensure_worker_roles(c, &worker, err) &&
              rh_install_database(c->app, &worker, c->app->shared_db, NULL, err) &&
              (db = rh_app_connect(c->app, &worker, RH_ROLE_ADMIN, c->app->shared_db, err)) &&
              add_extension(db, err) && note_logins(c, db, err);
    rh_db_close(db);
    return ok || rh_err_context(err, "Citus worker %s:%s", host, port);
}

/* A migration may change several tables in one transaction: Citus then wants one connection to each worker
 * for all of it. */
static bool set_one_after_another(const struct cluster *c, rh_db *db, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, c->a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "ALTER ROLE ");
    rh_str_add_ident(&sql, c->app->operator_name);
    rh_str_add(&sql, " IN DATABASE ");
    rh_str_add_ident(&sql, c->app->shared_db);
    rh_str_add(&sql, " SET citus.multi_shard_modify_mode = 'sequential'");
    return rh_db_exec(db, rh_str_cstr(&sql), err);
}

/* In the app's database on the coordinator: the same nodes as in the coordinator's own. */
static bool join_nodes(const struct cluster *c, rh_err *err)
{
    rh_db *db = rh_app_connect(c->app, c->node, RH_ROLE_ADMIN, c->app->shared_db, err);
    bool ok = db && add_extension(db, err);
    for (int i = 0; ok && i < PQntuples(c->nodes); i++) {
        const char *params[] = {PQgetvalue(c->nodes, i, 0), PQgetvalue(c->nodes, i, 1)};
        const char *sql =
            *PQgetvalue(c->nodes, i, 2) == 't' ? rh_sql_citus_set_coordinator : rh_sql_citus_add_node;
        ok = rh_db_query(db, c->a, sql, 2, params, err) != NULL;
        if (!ok)
            rh_err_context(err, "taking %s:%s into the cluster of database %s", params[0], params[1],
                           c->app->shared_db);
    }
    ok = ok && note_logins(c, db, err) && set_one_after_another(c, db, err);
    rh_db_close(db);
    return ok;
}

static bool read_nodes(struct cluster *c, rh_db *admin, rh_err *err)
{
    const char *group = rh_db_value(admin, c->a, rh_sql_citus_local_group, 0, NULL, err);
    int workers = 0;
    if (!group || !(c->nodes = rh_db_query(admin, c->a, rh_sql_citus_nodes, 0, NULL, err)))
        return false;
    for (int i = 0; i < PQntuples(c->nodes); i++)
        workers += *PQgetvalue(c->nodes, i, 2) != 't';
    if (strcmp(group, "0") != 0) {
        rh_err_set(err, RH_E_STATE, "the node is a worker of a Citus cluster");
        return rh_err_hint(err, "Name its coordinator.");
    }
    if (workers)
        return true;
    rh_err_set(err, RH_E_STATE, "the Citus coordinator has no workers");
    return rh_err_hint(err, "In the database that its conninfo names: SELECT citus_add_node('HOST', 5432);");
}

bool rh_cluster_join(const rh_app *app, const rh_node *node, rh_err *err)
{
    bool citus = false;
    struct cluster c = {.app = app, .node = node, .a = rh_arena_new()};
    rh_db *admin = rh_app_connect(app, node, RH_ROLE_ADMIN, NULL, err);
    bool ok = admin && rh_cluster_is_citus(admin, &citus, err);
    if (ok && citus) {
        ok = read_nodes(&c, admin, err) && let_owner_in(&c, admin, err);
        for (int i = 0; ok && i < PQntuples(c.nodes); i++)
            if (*PQgetvalue(c.nodes, i, 2) != 't')
                ok = prepare_worker(&c, PQgetvalue(c.nodes, i, 0), PQgetvalue(c.nodes, i, 1), err);
        ok = ok && join_nodes(&c, err);
    }
    rh_db_close(admin);
    rh_arena_free(c.a);
    return ok;
}
