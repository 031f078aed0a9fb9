/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of a request that is over: figures for GET /metrics, and a line in the log. The line names
 * tenant, id, method, what was asked for (a relation or function: never a query, a key or a value), status,
 * code and times; PostgreSQL's own messages only where they cannot quote a value.
 */
#ifndef RH_ACCOUNT_H
#define RH_ACCOUNT_H

#include "http/exchange.h"
#include "http/metrics.h"

typedef struct rh_account {
    rh_meter *meter;   /* NULL: nothing is counted */
    bool log_requests; /* all; else only those that the server failed */
} rh_account;

/* From a door's on_end. Status, code, bytes and the whole time are filled in here. */
void rh_account_end(const rh_account *a, const rh_exchange *x, rh_measured *what);

#endif
