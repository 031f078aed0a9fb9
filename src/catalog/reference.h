/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference rows for the whole fleet: every database home that is behind, and the template that new ones are
 * cloned from, gets what the origin holds (home/reference.h). The catalog keeps in one word what each home
 * has, so that those which are up to date cost nothing.
 */
#ifndef RH_CATALOG_REFERENCE_H
#define RH_CATALOG_REFERENCE_H

#include "catalog/tenant.h"
#include "home/reference.h"

typedef struct rh_reference_fleet {
    int brought, failed;
    int later; /* their tables are of another version; `rowhouse migrate` brings them */
} rh_reference_fleet;

/* A line about each home that got rows or could not. A home that fails is left as it was and the others go
 * on; false only when the origin or the catalog fails. */
bool rh_reference_bring_homes(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg,
                              rh_reference_fleet *out, rh_err *err);

/* One home that is being made or was entered just now: brings it and notes it in the catalog. */
bool rh_reference_bring_home(rh_operator *o, const rh_home *home, rh_db *db, rh_reference_report *report,
                             rh_err *err);

/* How many homes are behind. */
bool rh_reference_behind(rh_db *catalog, rh_db *origin, int *n, rh_err *err);

#endif
