/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's verbs on what Citus spreads: it moves shards, Rowhouse asks it to and says how far it is.
 * Requests go on meanwhile; servers find a tenant at its new worker by themselves (pg/citus.h). Done as the
 * admin. RH_E_STATE on a plain PostgreSQL server.
 */
#ifndef RH_SPREAD_H
#define RH_SPREAD_H

#include "catalog/tenant.h"

/* Moves shards to the workers that have less, in Citus' background; waits for the end and tells each move.
 * *moved is their number. A run that is interrupted goes on in Citus, and the same call watches it. */
bool rh_spread_rebalance(rh_operator *o, const rh_node *node, void (*tell)(void *arg, const char *line),
                         void *arg, int *moved, rh_err *err);

/* Gives a tenant of the shared homes shards that hold nobody else, so that it can be moved alone and is alone
 * in its tables; one that has them already is left as it is. *worker is where they are, host:port. */
bool rh_spread_isolate(rh_operator *o, rh_arena *a, const char *id, const char **worker, rh_err *err);

#endif
