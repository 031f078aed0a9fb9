/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over the doors: requests by chance at the data door, strangers at the control door, sessions in
 * PostgreSQL bound as `rowhouse psql TENANT` binds them. What comes back goes to the judge.
 */
#ifndef RH_VERIFY_ROAM_H
#define RH_VERIFY_ROAM_H

#include "verify/world.h"

bool rh_roam_data(rh_world *w, int port, int requests, rh_err *err);
bool rh_roam_control(rh_world *w, int port, rh_err *err);
bool rh_roam_sql(rh_world *w, rh_err *err);

#endif
