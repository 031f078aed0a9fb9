/* SPDX-License-Identifier: Apache-2.0
 *
 * Open connections to databases that stand by, so that whoever is given one need not wait for a backend that
 * has met nothing yet (10 ms and more). A server's upkeep opens them, its control door takes them. A
 * connection is the operator's, outside a transaction, with a session as new. Any thread may call.
 */
#ifndef RH_WARM_H
#define RH_WARM_H

#include <stdint.h>

#include "app/budget.h"
#include "pg/db.h"

#define RH_WARM_MAX RH_BUDGET_WARM /* an idle backend holds 1-3 MB */

typedef struct rh_warm rh_warm;

rh_warm *rh_warm_new(void);
void rh_warm_free(rh_warm *w); /* NULL is allowed */

/* The connection is w's from now on, which may close it at once: there is no room, or one already. */
void rh_warm_put(rh_warm *w, int64_t home, rh_db *db);
/* The caller's to close; NULL when there is none that lives. */
rh_db *rh_warm_take(rh_warm *w, int64_t home);
bool rh_warm_has(rh_warm *w, int64_t home);
/* Closes those to other homes than these. */
void rh_warm_keep(rh_warm *w, const int64_t *homes, int n);

#endif
