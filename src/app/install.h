/* SPDX-License-Identifier: Apache-2.0
 *
 * What an app needs on a PostgreSQL server before anything can be migrated: its roles, its databases, and
 * PostgreSQL's open defaults taken back. Idempotent; refuses what carries our names but is not ours.
 */
#ifndef RH_INSTALL_H
#define RH_INSTALL_H

#include "app/app.h"

/* Roles and the catalog's and the shared homes' databases on the first node, as the admin. */
bool rh_install(rh_app *app, rh_err *err);
/* Roles and the shared homes' database on a node. renew_passwords: existing roles get theirs anew, too. */
bool rh_install_node(const rh_app *app, const rh_node *node, bool renew_passwords, rh_err *err);

/* The app's roles that the server does not have; those that it has are not looked at. */
bool rh_install_missing_roles(const rh_app *app, rh_db *admin, bool *made, rh_err *err);

/* Lets a role log in with that password. admin: connected as the admin. */
bool rh_install_login(const rh_app *app, rh_db *admin, const char *role, const char *password, rh_err *err);

/* One database of the app on that node: made when it is missing, as a clone of `model` (a prepared one; NULL:
 * empty), refused when it is somebody else's, and PostgreSQL's open defaults in it taken back. */
bool rh_install_database(const rh_app *app, const rh_node *node, const char *name, const char *model,
                         rh_err *err);

/* A session of the admin on one node that makes clones of the app's template; zeroed: none yet. It is opened
 * when it is first needed. */
typedef struct rh_cloner {
    rh_db *db;
    int64_t bytes, measured_ms; /* of the template, and when that was asked */
} rh_cloner;

/* Makes the database as a clone, alone at work on it; meanwhile(arg) is called while PostgreSQL copies. Then
 * the rights on the database and its mark (a comment) are under way: rh_cloner_finish() waits for them. lazy:
 * rh_db_set_lazy(). A name that is taken is a failure. */
bool rh_cloner_clone(const rh_app *app, const rh_node *node, rh_cloner *c, const char *name, const char *mark,
                     bool lazy, void (*meanwhile)(void *), void *arg, rh_err *err);
bool rh_cloner_finish(rh_cloner *c, rh_err *err);
void rh_cloner_close(rh_cloner *c);

/* The admin, alone at work on that database: who was killed at it may have left a backend that still is. */
rh_db *rh_install_admin(const rh_app *app, const rh_node *node, const char *name, rh_err *err);

#endif
