/* SPDX-License-Identifier: Apache-2.0
 *
 * Dialing for a pool: one blocking call, for a helper thread (pg/conn.c).
 *
 * What it gives has the tenant's bindings prepared: rh_bind_write and rh_bind_read (tenant), and
 * rh_bind_write_timed and rh_bind_read_timed (tenant, statement_timeout), which hold until the transaction's
 * end. All four ask a coordinator's rowhouse.enter() where settings->enter is true.
 */
#ifndef RH_DIAL_H
#define RH_DIAL_H

#include "pg/pool.h"

/* What the binding of a read has beyond a write's, in its SELECT. */
#define RH_DIAL_SET_READ_ONLY ", pg_catalog.set_config('transaction_read_only', 'on', true)"

/* A connection that does not block and is in pipeline mode, the caller's; its dates are ISO 8601. NULL: err
 * says why. *may_share: its reads may share a transaction. */
PGconn *rh_dial(const rh_pool_settings *s, bool *may_share, rh_err *err);
/* Why a connection is of no use, for the log: libpq has not always something to say. */
void rh_dial_describe(rh_err *err, const PGconn *pg);

#endif
