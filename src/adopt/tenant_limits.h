/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of single tenants of an adopted database, where there is no catalog that could keep them: what
 * limits.TENANT.LIMIT says in [adopt], a postgrest.conf or the login role's pgrst. settings. A tenant is a
 * schema or a role, as adopt.tenants says; limits are those of catalog/limits.h, with - or _ in their names.
 */
#ifndef RH_TENANT_LIMITS_H
#define RH_TENANT_LIMITS_H

#include "adopt/adopted.h"
#include "catalog/limits.h"

/* Reads them into the state, whose settings and schemas are known. CONF for one that is none, for a value
 * that is none, and for a schema that is not exposed. */
bool rh_tenant_limits_read(rh_adopted_state *s, rh_err *err);
/* A tenant's own over the defaults, of which the rows are the state's. timeout_ms: of the role's own
 * statements (rh_adopted_role), which goes over the limit. */
rh_limits rh_tenant_limits_of(const rh_adopted_state *s, const char *tenant, int64_t timeout_ms,
                              const rh_limits *defaults);

#endif
