/* SPDX-License-Identifier: Apache-2.0
 *
 * Spooled rows into the homes they are for. Schema homes stand in the main transaction's database and are
 * filled within it; each database home has a connection and a transaction of its own. Those are held open
 * until all the others have taken their rows, RH_LOAD_HELD at most (load/load.h says what that promises).
 */
#ifndef RH_LOAD_HOMES_H
#define RH_LOAD_HOMES_H

#include "load/load.h"
#include "load/route.h"

#define RH_LOAD_NAMED 20 /* slugs that an error lists */

typedef struct rh_load_homes {
    rh_operator *o;
    rh_arena *a;
    const rh_load_table *main;
    rh_load_column **order; /* the file's columns, of main */
    size_t n_order;
    const char *file;
    /* its own, zeroed by the caller */
    struct rh_load_held {
        rh_db *db, *shared;
        const rh_load_place *place;
    } held[RH_LOAD_HELD];
    int n_held;
    const char *committed[RH_LOAD_NAMED]; /* slugs of homes that have their rows for good, the first few */
    int n_committed;
} rh_load_homes;

/* Every place of the list. After a failure rh_load_homes_end() must still be called. */
bool rh_load_homes_fill(rh_load_homes *h, rh_load_place *places, rh_err *err);
/* Commits what is held when `ok`, else rolls it back and adds to err which homes have their rows all the
 * same. Gives ok, or false when a commit failed. */
bool rh_load_homes_end(rh_load_homes *h, bool ok, rh_err *err);

/* Puts the file, and the line when it is known, before the message. */
void rh_load_explain(const char *file, int64_t line, rh_err *err);

#endif
