/* SPDX-License-Identifier: Apache-2.0
 *
 * A tenant's state machine. One function changes a state: it checks the arrow and writes the audit.
 *
 *   pending -> provisioning -> active <-> suspended
 *      |            |               \
 *      |            v                <-> moving
 *      +-------> failed
 *                (retried)
 *   all but moving -> dropping -> (gone; rowhouse.drops keeps the id)
 */
#ifndef RH_STATE_H
#define RH_STATE_H

#include "catalog/directory.h"
#include "pg/db.h"

/* reason is kept with the tenant when it fails, and in the audit; may be NULL. RH_E_STATE when there is no
 * such arrow. */
bool rh_tenant_change_state(rh_db *catalog, const char *id, rh_tenant_state to, const char *reason,
                            rh_err *err);

/* The same as a call for rh_db_query_all(): no row when there is no such arrow. */
rh_db_call rh_tenant_state_call(rh_arena *a, const char *id, rh_tenant_state to, const char *reason);

#endif
