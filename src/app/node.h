/* SPDX-License-Identifier: Apache-2.0
 *
 * How a node is reached. The catalog keeps a conninfo without secrets; the admin's password stands in a file
 * of mode 0600 of the state directory, or in the environment, or in libpq's password file, and in no message
 * of ours.
 */
#ifndef RH_NODE_H
#define RH_NODE_H

#include "app/app.h"

/* Lower-case letters, digits, - and _, beginning with a letter, at most 32. INVALID. */
bool rh_node_name_check(const char *name, rh_err *err);

/* Takes a conninfo or URI apart: what may be kept, as key='value' pairs, and the password or NULL. It must
 * name a host, and no other secret than the password. INVALID, in words that quote nothing of it. */
bool rh_node_conninfo_split(rh_arena *a, const char *text, const char **kept, const char **password,
                            rh_err *err);

/* As key='value' pairs: what stands in options, with user and database in the place of their own where they
 * are not NULL, and without secrets. */
const char *rh_node_conninfo_write(rh_arena *a, const PQconninfoOption *options, const char *user,
                                   const char *database);

/* The admin's password: from $ROWHOUSE_NODE_<NAME>_PASSWORD, else from the file. NULL: neither has one. */
const char *rh_node_password(const rh_app *app, rh_arena *a, const rh_node *node);
bool rh_node_password_keep(const rh_app *app, const rh_node *node, const char *password, rh_err *err);
void rh_node_password_forget(const rh_app *app, const rh_node *node);
/* Says on an error where a password would be looked for. */
bool rh_node_password_hint(const rh_app *app, const rh_node *node, rh_err *err);

#endif
