/* SPDX-License-Identifier: Apache-2.0
 *
 * The three sets of an app and its tenant/on_create.sql, read from its directory.
 */
#ifndef RH_SETS_H
#define RH_SETS_H

#include <stdio.h>

#include "conf/conf.h"
#include "migrate/set.h"

typedef struct rh_sets {
    rh_migration_set *catalog, *reference, *tenant;
    const char *on_create; /* NULL when there is none */
} rh_sets;

bool rh_sets_load(const rh_conf *conf, rh_arena *a, rh_sets *out, rh_err *err);

/* Lints the reference and the tenant set; findings go to out (NULL: nowhere). False when it could not be
 * done. */
bool rh_sets_lint(const rh_conf *conf, rh_arena *a, const rh_sets *sets, FILE *out, int *errors,
                  int *warnings, rh_err *err);

/* The number of the newest migration, 0 for an empty set. */
int rh_set_newest(const rh_migration_set *set);

#endif
