/* SPDX-License-Identifier: Apache-2.0
 *
 * The upkeep: one thread of a running server that goes on with what waits in the catalog: drops that were
 * begun, by DELETE through a view or by a command that was killed, and standby homes (catalog/standby.h), to
 * whose databases it holds connections (catalog/warm.h).
 * Pending tenants are left to `rowhouse migrate`.
 *
 * It has a connection of its own to the catalog, is woken by the notifications that the watch gets too, and
 * looks by itself twice a minute. Several servers of one catalog share the work by the tenants' locks: what
 * another one is at is left to it. What fails is logged once, kept with the tenant and tried again, later
 * each time.
 */
#ifndef RH_UPKEEP_H
#define RH_UPKEEP_H

#include "app/app.h"
#include "catalog/warm.h"

typedef struct rh_upkeep rh_upkeep;

/* Both must outlive it. The catalog need not be there. */
rh_upkeep *rh_upkeep_start(const rh_app *app, rh_warm *warm, rh_err *err);
/* Ends the work under way, which any later one goes on with: a dump is killed, the sessions are cut. A
 * statement that makes or drops a database comes to its end first. NULL is allowed. */
void rh_upkeep_stop(rh_upkeep *u);

#endif
