/* SPDX-License-Identifier: Apache-2.0
 *
 * The data directory of the private server: made by initdb, in a directory of another name first, so that one
 * that bears its final name is complete; and the settings we give the server.
 */
#ifndef RH_CLUSTER_H
#define RH_CLUSTER_H

#include "server/place.h"

/* The major version that made the data directory, 0 when there is none. False when it is another user's or no
 * data directory. */
bool rh_cluster_check(rh_arena *a, const rh_place *place, int *major, rh_err *err);

/* Runs initdb; what an interrupted one left is removed. */
bool rh_cluster_make(const rh_place *place, const rh_pg_programs *programs, rh_err *err);

/* Writes rowhouse.conf, which postgresql.conf includes at its end. Before each start. */
bool rh_cluster_configure(const rh_place *place, int port, rh_err *err);

#endif
