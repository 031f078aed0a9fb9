/* SPDX-License-Identifier: Apache-2.0
 *
 * One at a time on a tenant: what makes, drops or moves its home holds the tenant's lock. A session that dies
 * lets go of it.
 */
#ifndef RH_TENANT_LOCK_H
#define RH_TENANT_LOCK_H

#include "pg/db.h"

/* Waits for another command for a minute at most: RH_E_LOCKED. Not inside a transaction. */
bool rh_tenant_lock(rh_db *catalog, const char *id, rh_err *err);
void rh_tenant_unlock(rh_db *catalog, const char *id);

#endif
