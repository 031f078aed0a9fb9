/* SPDX-License-Identifier: Apache-2.0
 *
 * One at a time on a tenant: what makes, drops or moves its home holds the tenant's lock, in the catalog and
 * in the shared homes' database. A session that ends lets go of it: that of a killed client when its
 * statement has ended.
 */
#ifndef RH_TENANT_LOCK_H
#define RH_TENANT_LOCK_H

#include "app/app.h"

/* Waits for another command for a minute at most: RH_E_LOCKED. Not inside a transaction. */
bool rh_tenant_lock(rh_db *catalog, rh_db *shared, const char *id, rh_err *err);
/* Does not wait: *got is false when another command is at work. */
bool rh_tenant_try_lock(rh_db *catalog, rh_db *shared, const char *id, bool *got, rh_err *err);
/* The same in the app's database on the node that the home is on, where that is not the first: what a killed
 * client began there may go on. */
bool rh_tenant_lock_node(rh_db *shared, const rh_node *node, const char *id, rh_err *err);
void rh_tenant_unlock_node(rh_db *shared, const rh_node *node, const char *id);
/* What rh_tenant_enter() took. */
void rh_tenant_unlock_catalog(rh_db *catalog, const char *id);
void rh_tenant_unlock(rh_db *catalog, rh_db *shared, const char *id);

#endif
