/* SPDX-License-Identifier: Apache-2.0
 *
 * A home of one tenant made with all that belongs in it, and its tenant let in, in few round trips: a schema
 * by its script (home/script.h) in one transaction, a database as a clone of the template that is only told
 * whose it is. For homes of which nothing is there yet. Whatever stands in the way, nothing is told: the long
 * way (rh_home_make(), rh_home_migrate(), rh_home_admit()) can be gone after it, and says what is wrong.
 */
#ifndef RH_HOME_AT_ONCE_H
#define RH_HOME_AT_ONCE_H

#include "app/install.h"
#include "home/home.h"
#include "home/reference.h"
#include "home/script.h"

typedef struct rh_home_at_once {
    const rh_sets *sets;
    const char *tenant_id;
    const rh_profile *profile; /* NULL: nobody moves in yet */
    rh_db *origin;             /* of reference rows: the first node's `shared` */
    rh_cloner *cloner;         /* of the home's node ... */
    rh_home_script *script;    /* ... and this */
    bool lazy;                 /* rh_db_set_lazy() for what is committed */
    bool keep_db;              /* the connection to the database of its own is wanted in db */

    /* what came of it */
    rh_home_versions versions;
    char reference_word[RH_REFERENCE_WORD_MAX]; /* "" when it is not known */
    rh_db *db;                                  /* NULL, or the caller's to close */
} rh_home_at_once;

/* Whether it was done. */
bool rh_home_make_at_once(const rh_app *app, const rh_home *home, rh_db *shared, rh_home_at_once *w);

#endif
