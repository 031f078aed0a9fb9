/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: fleet operations (runs) and what they did to each home (steps), in the catalog. A record for
 * people and for resuming; the truth about versions stands in the homes.
 */
#ifndef RH_LEDGER_H
#define RH_LEDGER_H

#include "pg/db.h"

/* Takes the lock that keeps two runs apart: waits up to wait_ms, telling once who is running, else
 * RH_E_LOCKED. Held by the connection until it closes. */
bool rh_ledger_lock(rh_db *catalog, int64_t wait_ms, void (*tell)(void *, const char *), void *arg,
                    rh_err *err);

/* Opens a run; earlier ones that never ended are marked interrupted. Call under the lock. */
bool rh_ledger_begin(rh_db *catalog, const char *operation, int64_t *run, rh_err *err);
bool rh_ledger_end(rh_db *catalog, int64_t run, bool ok, rh_err *err);

bool rh_ledger_step_begin(rh_db *catalog, int64_t run, int64_t home, const char *set, int from, int to,
                          rh_err *err);
bool rh_ledger_step_end(rh_db *catalog, int64_t run, int64_t home, const char *set, const char *failure,
                        rh_err *err);

#endif
