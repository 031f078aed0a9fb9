/* SPDX-License-Identifier: Apache-2.0
 *
 * A tenant's row enters the catalog, together with its home's where that can be said at once: the shared one,
 * one that stands by, or a new one while there is only one node. One statement, so that a creation that is
 * cut off has either nothing in the catalog or all that is needed to go on with it.
 */
#ifndef RH_ENTER_H
#define RH_ENTER_H

#include "catalog/tenant.h"

typedef struct rh_entered {
    const char *id;
    rh_home home; /* id 0: it has none yet */
    rh_profile profile;
    bool given;  /* the home stood by */
    bool active; /* and nothing was to be put there */
    bool locked; /* this session of the catalog holds the tenant's lock (sql/tenants/lock.sql) */
    const char *reference_rows; /* of a home that stood by: what its copies hold, in one word */
} rh_entered;

/* RH_E_EXISTS when the slug, the id or the home's name is somebody's. Everything is the arena's. */
bool rh_tenant_enter(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, rh_entered *out, rh_err *err);

#endif
