/* SPDX-License-Identifier: Apache-2.0
 *
 * An app opened for work: its settings, the PostgreSQL server it lives on, the names of its roles and
 * databases, and the secrets Rowhouse keeps for it. Every command begins with rh_app_open().
 *
 * Ownership: everything lives in the arena given; rh_app_close() ends the private server when nobody else
 * uses it. Secrets are files of mode 0600 in the state directory.
 */
#ifndef RH_APP_H
#define RH_APP_H

#include "conf/conf.h"
#include "pg/db.h"
#include "server/server.h"

/* Who logs in. Four kinds that never mix: decisions.md, "Roles". */
typedef enum rh_role {
    RH_ROLE_ADMIN,    /* what conninfo names: makes roles and databases, nothing else */
    RH_ROLE_OPERATOR, /* BYPASSRLS, member of the owner: migrates, loads, counts over tenants */
    RH_ROLE_SERVER,   /* the data door: owns nothing, inherits nothing, under row security */
} rh_role;

/* A PostgreSQL server of the app. The first one is the conf's (or the private one) and holds the catalog; the
 * others stand in the catalog: catalog/nodes.h. */
#define RH_FIRST_NODE 1
#define RH_OLDEST_SERVER 150000
typedef struct rh_node {
    int id; /* 1: the first */
    const char *name;
    const char *conninfo; /* of the admin; holds no password but the first's, as the conf has it */
} rh_node;

typedef struct rh_app {
    rh_arena *arena;
    const rh_conf *conf;
    rh_pg_server *private_server; /* NULL when conf names a server */
    rh_node first;
    bool first_is_citus;   /* the first node is a Citus coordinator: app/cluster.h */
    const char *state_dir; /* .rowhouse: secrets, demo data, the private server's files */
    const char *owner, *server, *operator_name; /* role names */
    const char *catalog_db, *shared_db, *template_db;
    const char *server_password, *operator_password;
    bool fresh_passwords; /* made just now: the roles do not know them yet */
    int stop_fd;          /* readable: what takes long is to give up; 0: nobody says so */
} rh_app;

/* Reads the settings of the app in `dir` and opens its server, starting a private one where conf names none.
 * progress may be NULL; it gets one line for each step that takes long. */
bool rh_app_open(rh_arena *a, const char *dir, const char *const *flags,
                 void (*progress)(void *, const char *), void *progress_arg, rh_app *out, rh_err *err);
void rh_app_close(rh_app *app);

/* On that node. NODE_AWAY where it cannot be reached and is not the first. database may be NULL: what
 * conninfo says. */
rh_db *rh_app_connect(const rh_app *app, const rh_node *node, rh_role role, const char *database,
                      rh_err *err);
const char *rh_app_user(const rh_app *app, rh_role role);     /* NULL for the admin */
const char *rh_app_password(const rh_app *app, rh_role role); /* NULL for the admin */
/* For PostgreSQL's programs: key='value' pairs, however conninfo was written. The password is not in it: it
 * goes into PGPASSWORD, where nobody else sees it. */
const char *rh_app_conninfo(const rh_app *app, const rh_node *node, rh_arena *a, rh_role role,
                            const char *database, rh_err *err);

/* A secret of the state directory: read, or made (32 random bytes as hex) on first use. */
const char *rh_app_secret(const rh_app *app, rh_arena *a, const char *name, bool *made, rh_err *err);

/* The HS256 secret: the conf's, else the state directory's. */
const char *rh_app_jwt_secret(const rh_app *app, rh_arena *a, rh_err *err);

#endif
