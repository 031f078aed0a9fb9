/* SPDX-License-Identifier: Apache-2.0
 *
 * A database that was there before becomes a home, without a copy of its data. It must be as the app's
 * migrations up to a version make one; what it has besides is set aside in schema adopted, where no tenant
 * reaches it.
 *
 *   foreign -> taken (owner, mark, nobody else may connect: one transaction) -> made right outside
 *   (rh_home_make) -> moved in (migrations up to the version noted as applied, what is unknown set aside: one
 *   transaction) -> from here on a home like any other
 *
 * Every step may be repeated. Nothing is changed before the first one, and that is not done while others are
 * connected.
 */
#ifndef RH_HOME_ADOPT_H
#define RH_HOME_ADOPT_H

#include "home/home.h"
#include "home/shape.h"

typedef struct rh_adopt_what {
    const rh_node *node; /* the server it is on */
    const char *database;
    int version;           /* of the tenant set: which migrations it is as if made by */
    const char *tenant_id; /* whose rows its tables hold; NULL in an app without a tenant key */
} rh_adopt_what;

/* What a database was before, for the audit. */
typedef struct rh_adopt_was {
    const char *owner, *comment, *settings;
} rh_adopt_was;

/* Whether the database can be taken over, and how it differs from what it should be: the caller looks into
 * found->differences. Changes nothing, but makes and drops a database of its own to compare with. False when
 * the database itself is refused (RH_E_STATE, RH_E_NOT_FOUND, RH_E_FORBIDDEN), or it could not be found out.
 */
bool rh_adopt_check(const rh_app *app, const rh_sets *sets, const rh_adopt_what *what, rh_arena *a,
                    rh_adopt_was *was, rh_shape_findings *found, rh_err *err);

/* Takes it over as that home, from where an earlier call stopped. What differs by now is RH_E_STATE. */
bool rh_adopt(const rh_app *app, const rh_sets *sets, const rh_home *home, int version, const char *tenant_id,
              rh_db *shared, rh_err *err);

/* The set up to a version: RH_E_INVALID when no migration has that number. */
bool rh_adopt_cut(const rh_migration_set *set, int version, rh_migration_set *out, rh_err *err);

#endif
