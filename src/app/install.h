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

/* Lets a role log in with that password. admin: connected as the admin. */
bool rh_install_login(const rh_app *app, rh_db *admin, const char *role, const char *password, rh_err *err);

/* One database of the app on that node: made when it is missing, as a clone of `model` (a prepared one; NULL: empty), refused
 * when it is somebody else's, and PostgreSQL's open defaults in it taken back. */
bool rh_install_database(const rh_app *app, const rh_node *node, const char *name, const char *model,
                         rh_err *err);

/* The admin, alone at work on that database: who was killed at it may have left a backend that still is. */
rh_db *rh_install_admin(const rh_app *app, const rh_node *node, const char *name, rh_err *err);

#endif
