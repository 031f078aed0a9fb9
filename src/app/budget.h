/* SPDX-License-Identifier: Apache-2.0
 *
 * How many connections one server process (`serve`, `dev`) has to a node at most, and whether the node allows
 * so many. None of its parts ever dials more than its share, which is counted here:
 *
 *   data.connections        of the data door to the app's database, at least one a loop
 *   one a loop              while a backend that has grown too large is being replaced
 *   data.home_connections   to database homes, at least one a loop
 *   provision.standby       to databases that stand by, at most RH_BUDGET_WARM: catalog/warm.h
 *   RH_BUDGET_OWN           the watch, the upkeep, the control door, whatever they do
 *
 * A backend whose connection was given up ends in its own time: it may be counted by PostgreSQL for a moment
 * longer. Every server process has this budget for itself, and commands come on top.
 */
#ifndef RH_BUDGET_H
#define RH_BUDGET_H

#include "conf/conf.h"
#include "pg/db.h"

/* The watch 1; the upkeep 1 that listens, an operator's 2, a node's 2, a home's and an admin's 2, pg_dump's
 * 1; the control door an operator's 2, a home's and an admin's 2. One admin's is kept between clones, beside
 * which another may be needed: 2. */
#define RH_BUDGET_OWN 15
#define RH_BUDGET_WARM 16
#define RH_MAX_LOOPS 64

/* Loops of the data door. PostgreSQL takes as much CPU for a request as a loop does, so by default every
 * other core gets one; and the fewer loops, the fewer backends learn of the same homes. */
int rh_budget_loops(const rh_conf *conf);
int rh_budget_processors(const rh_conf *conf); /* of a node */
int64_t rh_budget_connections(const rh_conf *conf); /* to one node */
/* CONF when the server that db leads to allows fewer. Any role may ask. */
bool rh_budget_check(const rh_conf *conf, rh_db *db, rh_err *err);

#endif
