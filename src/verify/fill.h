/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills one home with a tenant's canaries: rows made up from what pg_catalog says of the tables, parents
 * first. A value is tried after its column's type; where a check refuses it, words that the check names and
 * other usual values are tried next. A table that takes no row, or whose rows can carry no canary, is told:
 * what is not covered is not proven.
 */
#ifndef RH_VERIFY_FILL_H
#define RH_VERIFY_FILL_H

#include "home/home.h"
#include "verify/canary.h"

typedef struct rh_coverage {
    const char *table;
    rh_model model;
    int rows, columns;  /* columns that carry canaries */
    const char *reason; /* why it is not covered; NULL: it is */
} rh_coverage;

typedef struct rh_coverages {
    rh_coverage *items;
    size_t len, cap;
} rh_coverages;

/* db: the operator's connection to the home's database. The coverage of each table is appended. */
bool rh_verify_fill(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *tenant_id,
                    rh_canary *canary, rh_coverages *out, rh_err *err);

/* Rows for reference tables that are empty, so that foreign keys to them can be kept. They are everybody's.
 */
bool rh_verify_fill_reference(const rh_app *app, rh_db *db, rh_arena *a, rh_canary *nobody, rh_err *err);

#endif
