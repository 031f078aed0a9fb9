/* SPDX-License-Identifier: Apache-2.0
 *
 * The script of a schema home: one text that makes it whole, in the place of the migrations statement by
 * statement, the fittings' query and its check. It is the migrations' own text, run as the owner so that
 * nothing has to be handed over, and the commands that the fittings came to in such a home.
 *
 * Those commands are kept in the app's database (rowhouse.home_scripts), made once for a state of the app's
 * files, settings and this program. Before they are kept, both ways are gone in a transaction that is rolled
 * back, and must come to the same in everything that PostgreSQL's catalogs say (sql/homes/made.sql), and in
 * all rows. Where they do not, or a file cannot be part of a script (no-transaction, DISCARD), homes are made
 * the long way.
 */
#ifndef RH_HOME_SCRIPT_H
#define RH_HOME_SCRIPT_H

#include "home/home.h"

/* Sees to it that there is a script for these files, where there can be one: one query when there is already.
 * `shared` must be outside a transaction. */
bool rh_home_script_keep(const rh_app *app, const rh_node *node, rh_db *shared, const rh_sets *sets,
                         rh_err *err);
/* The place where it is kept. */
bool rh_home_script_prepare(const rh_app *app, rh_db *shared, rh_err *err);

/* What scripts of homes are made from, once it has been read; zeroed: not yet. */
typedef struct rh_home_script {
    char key[65]; /* of the files, settings and program that it is for */
    char *fittings;
    char *root_key; /* rh_home_root_key(); NULL in an app without a tenant key */
    bool as_owner;
} rh_home_script;
void rh_home_script_release(rh_home_script *s);

/* Reads it, unless what is there is for these files. False when none is kept. */
bool rh_home_script_read(const rh_app *app, rh_db *shared, const rh_sets *sets, rh_home_script *s);
/* The text that makes this home, for a transaction that is open. The schema must not be there. lazy:
 * rh_db_set_lazy(), for the transaction. */
const char *rh_home_script_text(const rh_app *app, const rh_home *home, const rh_sets *sets,
                                const rh_home_script *s, bool lazy, rh_arena *a);

#endif
