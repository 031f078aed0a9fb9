/* SPDX-License-Identifier: Apache-2.0 */
#include "app/install.h"

#include <string.h>
#include <unistd.h>

#include "app/cluster.h"
#include "base/clock.h"
#include "base/step.h"
#include "migrate/script.h"
#include "sql.h"

#define CLONE_TRIES 25 /* while somebody is connected to the database that is cloned */
#define CLONE_RETRY_US 200000

/* The comment on a role of ours; a role of the same name without it is somebody else's. */
static const char *role_mark(const rh_app *app)
{
    return rh_arena_printf(app->arena, "rowhouse app %s", app->conf->app_name);
}

/* attributes: before the password, or "". */
static bool set_password(const rh_app *app, rh_db *db, const char *role, const char *attributes,
                         const char *password, rh_err *err)
{
    PGconn *conn = rh_db_conn(db);
    char *hash =
        PQencryptPasswordConn(conn, password, role, "scram-sha-256"); /* the server never sees the text */
    if (!hash)
        return rh_db_error(err, conn, NULL);
    rh_str sql;
    rh_str_init_in(&sql, app->arena, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "ALTER ROLE ");
    rh_str_add_ident(&sql, role);
    rh_str_addf(&sql, " %sPASSWORD ", attributes);
    rh_str_add_literal(&sql, hash);
    PQfreemem(hash);
    return rh_db_exec(db, rh_str_cstr(&sql), err);
}

bool rh_install_login(const rh_app *app, rh_db *admin, const char *role, const char *password, rh_err *err)
{
    return set_password(app, admin, role, "LOGIN ", password, err);
}

static bool create_role(const rh_app *app, rh_db *db, const char *role, const char *attributes, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, app->arena, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "BEGIN; CREATE ROLE ");
    rh_str_add_ident(&sql, role);
    rh_str_addf(&sql, " %s; COMMENT ON ROLE ", attributes);
    rh_str_add_ident(&sql, role);
    rh_str_add(&sql, " IS ");
    rh_str_add_literal(&sql, role_mark(app));
    rh_str_add(&sql, "; COMMIT");
    if (rh_db_exec(db, rh_str_cstr(&sql), err))
        return true;
    rh_err ignored;
    rh_db_exec(db, "ROLLBACK", &ignored);
    rh_err_context(err, "cannot create role %s", role);
    if (strstr(attributes, " BYPASSRLS"))
        return rh_err_hint(err,
                           "The admin of the server needs CREATEROLE and CREATEDB, and to grant BYPASSRLS it "
                           "must be a superuser (from PostgreSQL 16 on: have BYPASSRLS itself).");
    return rh_err_hint(err, "The admin of the server needs CREATEROLE.");
}

enum role_kind { OWNER, SERVER, OPERATOR };

/* An existing role must be ours and hold no more than we gave it: a role that grew is refused, not used. */
static bool check_role(const rh_app *app, const char *role, enum role_kind kind, const PGresult *res,
                       rh_err *err)
{
    const char *wrong = NULL;
    if (strcmp(PQgetvalue(res, 0, 0), role_mark(app)) != 0) {
        rh_err_set(err, RH_E_EXISTS, "role %s exists and is not this app's", role);
        return rh_err_hint(err, "Give the app another name in rowhouse.conf, or drop the role.");
    }
    if (*PQgetvalue(res, 0, 2) == 't')
        wrong = "is a superuser";
    else if (kind != OPERATOR && *PQgetvalue(res, 0, 3) == 't')
        wrong = "bypasses row security";
    else if (kind != OPERATOR && *PQgetvalue(res, 0, 4) == 't')
        wrong = "is a member of another role";
    if (!wrong)
        return true;
    rh_err_set(err, RH_E_FORBIDDEN, "role %s %s", role, wrong);
    return rh_err_hint(err, "Tenants are kept apart by this role's limits: take that right back from it.");
}

static bool ensure_role(const rh_app *app, rh_db *db, const char *role, enum role_kind kind,
                        const char *password, bool renew, rh_err *err)
{
    static const char *const attributes[] = {"NOLOGIN NOINHERIT", "LOGIN NOINHERIT NOBYPASSRLS",
                                             "LOGIN INHERIT BYPASSRLS"};
    PGresult *res = rh_db_query(db, app->arena, rh_sql_install_role_state, 1, &role, err);
    if (!res)
        return false;
    bool exists = PQntuples(res) > 0;
    if (exists && !check_role(app, role, kind, res, err))
        return false;
    if (!exists && !create_role(app, db, role, attributes[kind], err))
        return false;
    return !password || (exists && !renew) || set_password(app, db, role, "", password, err);
}

static bool grant_membership(const rh_app *app, rh_db *db, const char *role, const char *member, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, app->arena, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "GRANT ");
    rh_str_add_ident(&sql, role);
    rh_str_add(&sql, " TO ");
    rh_str_add_ident(&sql, member);
    return rh_db_exec(db, rh_str_cstr(&sql), err);
}

static bool ensure_roles(const rh_app *app, rh_db *db, bool renew, rh_err *err)
{
    return ensure_role(app, db, app->owner, OWNER, NULL, renew, err) &&
           ensure_role(app, db, app->server, SERVER, app->server_password, renew, err) &&
           ensure_role(app, db, app->operator_name, OPERATOR, app->operator_password, renew, err) &&
           grant_membership(app, db, app->owner, app->operator_name, err);
}

bool rh_install_missing_roles(const rh_app *app, rh_db *db, bool *made, rh_err *err)
{
    const struct {
        const char *role, *password;
        enum role_kind kind;
    } all[] = {{app->owner, NULL, OWNER},
               {app->server, app->server_password, SERVER},
               {app->operator_name, app->operator_password, OPERATOR}};
    *made = false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        PGresult *res = rh_db_query(db, app->arena, rh_sql_install_role_state, 1, &all[i].role, err);
        if (!res || (PQntuples(res) == 0 &&
                     !ensure_role(app, db, all[i].role, all[i].kind, all[i].password, false, err)))
            return false;
        *made |= PQntuples(res) == 0;
    }
    return !*made || grant_membership(app, db, app->owner, app->operator_name, err);
}

/* Copied through the log, a template costs no checkpoint, but its size in log: docs/architecture.md. */
#define FILES_FROM ((int64_t)512 << 20)

static bool size_of(rh_arena *a, rh_db *db, const char *model, int64_t *bytes, rh_err *err)
{
    const char *text = rh_db_value(db, a, rh_sql_install_database_size, 1, &model, err);
    return text && rh_parse_int(text, bytes);
}

static const char *clone_command(const rh_app *app, rh_arena *a, const char *name, const char *model,
                                 int64_t bytes)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "CREATE DATABASE ");
    rh_str_add_ident(&sql, name);
    rh_str_add(&sql, " OWNER ");
    rh_str_add_ident(&sql, app->owner);
    rh_str_add(&sql, " TEMPLATE ");
    rh_str_add_ident(&sql, model);
    rh_str_addf(&sql, " ENCODING 'UTF8' STRATEGY %s", bytes < FILES_FROM ? "wal_log" : "file_copy");
    return rh_str_cstr(&sql);
}

static bool create_database(const rh_app *app, rh_arena *a, rh_db *db, const char *name, const char *model,
                            rh_err *err)
{
    int64_t bytes;
    if (!size_of(a, db, model, &bytes, err))
        return false;
    const char *sql = clone_command(app, a, name, model, bytes);
    for (int tries = CLONE_TRIES;; tries--) {
        if (rh_db_exec(db, sql, err))
            return true;
        if (tries <= 1 || strcmp(err->sqlstate, "55006") != 0) /* somebody is connected to the template */
            return rh_err_context(err, "cannot create database %s", name);
        usleep(CLONE_RETRY_US);
    }
}

static bool ensure_database(const rh_app *app, rh_arena *a, rh_db *db, const char *name, const char *model,
                            bool *made, rh_err *err)
{
    PGresult *res = rh_db_query(db, a, rh_sql_install_database_state, 1, &name, err);
    if (!res)
        return false;
    *made = PQntuples(res) == 0;
    if (*made)
        return create_database(app, a, db, name, model, err);
    if (strcmp(PQgetvalue(res, 0, 0), app->owner) == 0)
        return true;
    rh_err_set(err, RH_E_EXISTS, "database %s exists and belongs to %s", name, PQgetvalue(res, 0, 0));
    return rh_err_hint(
        err,
        "Rename it (ALTER DATABASE ... RENAME TO), or give the app another name. A tenant's database from "
        "before becomes its home by `rowhouse tenant adopt`.");
}

/* What somebody else made in the app's schemas is handed over before the fittings meet it. */
static bool take_strangers(const rh_app *app, rh_arena *a, rh_db *db, rh_err *err)
{
    const char *params[] = {app->owner, app->operator_name};
    if (!rh_db_exec(db, "SET search_path = pg_catalog", err))
        return false;
    PGresult *res = rh_db_query(db, a, rh_sql_install_strangers, 2, params, err);
    for (int i = 0; res && i < PQntuples(res); i++)
        if (!rh_db_exec(db, PQgetvalue(res, i, 0), err)) {
            rh_err_context(err, "%s", PQgetvalue(res, i, 0));
            return rh_err_hint(err,
                               "What stands in the app's schemas must belong to %s: hand it over as its "
                               "owner or as a superuser.",
                               app->owner);
        }
    return res != NULL;
}

/* A clone has what its template has; only the rights on the database itself do not come along. */
static bool add_rights(rh_str *sql, const rh_app *app, const char *name, rh_err *err)
{
    const rh_script_var vars[] = {
        {"database", name}, {"server", app->server}, {"operator", app->operator_name}, {NULL, NULL}};
    return rh_script_expand(sql, rh_sql_install_clone, vars, err);
}

static bool close_clone(const rh_app *app, rh_arena *a, rh_db *db, const char *name, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    return add_rights(&sql, app, name, err) && rh_db_exec(db, rh_str_cstr(&sql), err);
}

static bool prepare_database(const rh_app *app, const rh_node *node, rh_arena *a, const char *name,
                             rh_err *err)
{
    const rh_script_var vars[] = {{"database", name},
                                  {"owner", app->owner},
                                  {"server", app->server},
                                  {"operator", app->operator_name},
                                  {NULL, NULL}};
    bool ok = false;
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_db *db = rh_app_connect(app, node, RH_ROLE_ADMIN, name, err);
    if (!db)
        return false;
    PGresult *res = rh_db_query(db, a, rh_sql_install_lock, 1, &name, err)
                        ? rh_db_query(db, a, rh_sql_install_foreign_schemas, 1, &app->owner, err)
                        : NULL;
    if (res && PQntuples(res) > 0) {
        rh_err_set(err, RH_E_EXISTS, "schema %s of database %s belongs to %s", PQgetvalue(res, 0, 0), name,
                   PQgetvalue(res, 0, 1));
        rh_err_hint(err, "The schemas rowhouse and reference are Rowhouse's own: drop or rename this one.");
    } else if (res) {
        ok = rh_script_expand(&sql, rh_sql_install_database, vars, err) &&
             rh_db_exec(db, rh_str_cstr(&sql), err) && take_strangers(app, a, db, err);
    }
    rh_db_close(db);
    return ok || rh_err_context(err, "cannot prepare database %s", name);
}

rh_db *rh_install_admin(const rh_app *app, const rh_node *node, const char *name, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_db *db = rh_app_connect(app, node, RH_ROLE_ADMIN, NULL, err);
    if (db && !rh_db_query(db, a, rh_sql_install_lock, 1, &name, err)) {
        rh_db_close(db);
        db = NULL;
    }
    rh_arena_free(a);
    return db;
}

/* ---- clones ---- */

#define SIZE_HOLDS_MS 60000

void rh_cloner_close(rh_cloner *c)
{
    rh_db_close(c->db);
    *c = (rh_cloner){0};
}

static bool measure(const rh_app *app, rh_arena *a, rh_cloner *c, rh_err *err)
{
    if (c->measured_ms && rh_now_ms() - c->measured_ms < SIZE_HOLDS_MS)
        return true;
    c->measured_ms = rh_now_ms();
    return size_of(a, c->db, app->template_db, &c->bytes, err);
}

static bool start_rights(const rh_app *app, rh_arena *a, rh_cloner *c, const char *name, const char *mark,
                         bool lazy, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_addf(&sql, "BEGIN; %s", lazy ? "SET LOCAL synchronous_commit = off; " : "");
    if (!add_rights(&sql, app, name, err))
        return false;
    rh_str_add(&sql, "COMMENT ON DATABASE ");
    rh_str_add_ident(&sql, name);
    rh_str_add(&sql, " IS ");
    rh_str_add_literal(&sql, mark);
    rh_str_add(&sql, "; COMMIT; SELECT pg_advisory_unlock_all()");
    return rh_db_send(c->db, rh_str_cstr(&sql), err);
}

bool rh_cloner_clone(const rh_app *app, const rh_node *node, rh_cloner *c, const char *name, const char *mark,
                     bool lazy, void (*meanwhile)(void *), void *arg, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = (c->db || (c->db = rh_app_connect(app, node, RH_ROLE_ADMIN, NULL, err))) &&
              rh_db_query(c->db, a, rh_sql_install_lock, 1, &name, err) && measure(app, a, c, err) &&
              rh_db_send(c->db, clone_command(app, a, name, app->template_db, c->bytes), err);
    if (ok) {
        meanwhile(arg);
        ok = rh_db_receive(c->db, err) ||
             (strcmp(err->sqlstate, "55006") == 0 &&
              create_database(app, a, c->db, name, app->template_db, err)); /* which waits for it */
    }
    if (ok)
        rh_step("create.database");
    ok = ok && start_rights(app, a, c, name, mark, lazy, err);
    rh_arena_free(a);
    if (!ok)
        rh_cloner_close(c);
    return ok;
}

bool rh_cloner_finish(rh_cloner *c, rh_err *err)
{
    if (rh_db_receive(c->db, err))
        return true;
    rh_cloner_close(c);
    return false;
}

bool rh_install_database(const rh_app *app, const rh_node *node, const char *name, const char *model,
                         rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_db *db = rh_install_admin(app, node, name, err);
    bool made,
        ok = db && ensure_database(app, a, db, name, model ? model : "template0", &made, err) &&
             (made && model ? close_clone(app, a, db, name, err) : prepare_database(app, node, a, name, err));
    rh_db_close(db);
    rh_arena_free(a);
    return ok;
}

bool rh_install_node(const rh_app *app, const rh_node *node, bool renew_passwords, rh_err *err)
{
    rh_db *db = rh_app_connect(app, node, RH_ROLE_ADMIN, NULL, err);
    bool ok = db && ensure_roles(app, db, renew_passwords, err);
    rh_db_close(db);
    return ok && rh_install_database(app, node, app->shared_db, NULL, err) && rh_cluster_join(app, node, err);
}

bool rh_install(rh_app *app, rh_err *err)
{
    if (!rh_install_node(app, &app->first, app->fresh_passwords, err) ||
        !rh_install_database(app, &app->first, app->catalog_db, NULL, err))
        return false;
    app->fresh_passwords = false;
    return true;
}
