/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include "app/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "app/node.h"
#include "base/file.h"
#include "server/place.h"

const char *rh_app_secret(const rh_app *app, rh_arena *a, const char *name, bool *made, rh_err *err)
{
    const char *path = rh_arena_printf(a, "%s/%s", app->state_dir, name);
    size_t len;
    if (made)
        *made = false;
    char *text = rh_file_read(a, path, 4096, &len, err);
    if (text) {
        while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
            text[--len] = 0;
        if (len >= 32)
            return text;
        rh_err_set(err, RH_E_CONF, "%s holds %zu bytes", path, len);
        rh_err_hint(err, "A secret has at least 32; remove the file and a new one is made.");
        return NULL;
    }
    if (err->code != RH_E_NOT_FOUND)
        return NULL;
    text = rh_random_hex(a, 32);
    if (!rh_file_write(path, text, strlen(text), 0600, err))
        return NULL;
    if (made)
        *made = true;
    return text;
}

const char *rh_app_jwt_secret(const rh_app *app, rh_arena *a, rh_err *err)
{
    return *app->conf->auth_secret ? app->conf->auth_secret : rh_app_secret(app, a, "jwt_secret", NULL, err);
}

/* libpq's variables, such as PGSERVICE, speak of another server than the private one; PGPASSFILE may have
 * what other nodes need. */
static void forget_environment(void)
{
    PQconninfoOption *options = PQconndefaults();
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->envvar && strcmp(o->keyword, "client_encoding") != 0 && strcmp(o->keyword, "passfile") != 0)
            unsetenv(o->envvar);
    PQconninfoFree(options);
}

static bool open_server(rh_app *app, void (*progress)(void *, const char *), void *arg, rh_err *err)
{
    const rh_conf *conf = app->conf;
    if (*conf->server_conninfo) {
        app->first.conninfo = conf->server_conninfo;
        app->state_dir =
            *conf->server_data ? conf->server_data : rh_arena_printf(app->arena, "%s/.rowhouse", conf->dir);
        return rh_place_make_state(app->arena, app->state_dir, *conf->server_data != 0, err);
    }
    forget_environment();
    rh_pg_settings settings = {
        .app_dir = conf->dir,
        .app_name = conf->app_name,
        .data = *conf->server_data ? conf->server_data : NULL,
        .bin = *conf->server_bin ? conf->server_bin : NULL,
        .port = (int)conf->server_port,
        .progress = progress,
        .progress_arg = arg,
    };
    app->private_server = rh_pg_server_open(&settings, err);
    if (!app->private_server)
        return false;
    app->first.conninfo = rh_pg_server_conninfo(app->private_server);
    app->state_dir = rh_pg_server_state_dir(app->private_server);
    return true;
}

static bool look_at_server(rh_app *app, rh_err *err)
{
    rh_db *db = rh_db_open(app->first.conninfo, NULL, NULL, NULL, err);
    if (!db) {
        rh_err_context(err, "cannot connect to the PostgreSQL server");
        return rh_err_hint(err, "Check server.conninfo, or leave it empty for a private server.");
    }
    int version = PQserverVersion(rh_db_conn(db));
    bool ok = version < RH_OLDEST_SERVER || rh_cluster_is_citus(db, &app->first_is_citus, err);
    rh_db_close(db);
    if (version >= RH_OLDEST_SERVER || !ok)
        return ok;
    rh_err_set(err, RH_E_CONF, "the server is PostgreSQL %d.%d", version / 10000, version % 10000);
    return rh_err_hint(err, "Rowhouse needs PostgreSQL 15 or newer.");
}

bool rh_app_open(rh_arena *a, const char *dir, const char *const *flags,
                 void (*progress)(void *, const char *), void *progress_arg, rh_app *app, rh_err *err)
{
    bool made_server, made_operator;
    *app = (rh_app){.arena = a, .first = {.id = RH_FIRST_NODE, .name = "first"}};
    app->conf = rh_conf_load(a, dir, flags, err);
    if (!app->conf)
        return false;
    if (app->conf->adopted) {
        rh_err_set(err, RH_E_CONF, "[adopt] names a database that is served as it is: there is no app here");
        return rh_err_hint(err, "`rowhouse serve` serves it; nothing is migrated and there is no catalog.");
    }
    const char *name = app->conf->app_name;
    app->owner = rh_arena_printf(a, "%s_owner", name);
    app->server = rh_arena_printf(a, "%s_server", name);
    app->operator_name = rh_arena_printf(a, "%s_operator", name);
    app->shared_db = name;
    app->catalog_db = rh_arena_printf(a, "%s_catalog", name);
    app->template_db = rh_arena_printf(a, "%s_template", name);
    if (!open_server(app, progress, progress_arg, err))
        return false;
    if (!look_at_server(app, err) ||
        !(app->server_password = rh_app_secret(app, a, "server_password", &made_server, err)) ||
        !(app->operator_password = rh_app_secret(app, a, "operator_password", &made_operator, err))) {
        rh_app_close(app);
        return false;
    }
    app->fresh_passwords = made_server || made_operator;
    return true;
}

void rh_app_close(rh_app *app)
{
    if (app->private_server)
        rh_pg_server_close(app->private_server);
    app->private_server = NULL;
}

const char *rh_app_user(const rh_app *app, rh_role role)
{
    return role == RH_ROLE_OPERATOR ? app->operator_name : role == RH_ROLE_SERVER ? app->server : NULL;
}

const char *rh_app_password(const rh_app *app, rh_role role)
{
    return role == RH_ROLE_OPERATOR ? app->operator_password
           : role == RH_ROLE_SERVER ? app->server_password
                                    : NULL;
}

/* Only an admin of another node than the first has a password that the conninfo does not hold. */
static const char *password_of(const rh_app *app, const rh_node *node, rh_arena *a, rh_role role)
{
    return role == RH_ROLE_ADMIN && node->id != RH_FIRST_NODE ? rh_node_password(app, a, node)
                                                              : rh_app_password(app, role);
}

rh_db *rh_app_connect(const rh_app *app, const rh_node *node, rh_role role, const char *database, rh_err *err)
{
    if (!node) { /* a guess would be somebody else's server */
        rh_err_set(err, RH_E_INTERNAL, "database %s: on which node?", database ? database : "");
        return NULL;
    }
    rh_arena *a = rh_arena_new();
    const char *password = password_of(app, node, a, role);
    rh_db *db = rh_db_open(node->conninfo, database, rh_app_user(app, role), password, err);
    if (!db && node->id != RH_FIRST_NODE) {
        rh_err_context(err, "node %s", node->name);
        err->code = RH_E_NODE_AWAY;
        if (role == RH_ROLE_ADMIN && !password)
            rh_node_password_hint(app, node, err);
    } else if (!db) {
        rh_err_context(err, "cannot connect to database %s", database ? database : "");
        if (role != RH_ROLE_ADMIN)
            rh_err_hint(err, "`rowhouse migrate` makes the roles and databases of the app.");
    }
    rh_arena_free(a);
    return db;
}

const char *rh_app_conninfo(const rh_app *app, const rh_node *node, rh_arena *a, rh_role role,
                            const char *database, rh_err *err)
{
    PQconninfoOption *options = PQconninfoParse(node->conninfo, NULL); /* the message would quote passwords */
    if (!options) {
        rh_err_set(err, RH_E_CONF, "how node %s is reached was not understood", node->name);
        return NULL;
    }
    const char *out = rh_node_conninfo_write(a, options, rh_app_user(app, role), database);
    PQconninfoFree(options);
    return out;
}
