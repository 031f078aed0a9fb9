/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method may be used for, and what its query string may ask.
 */
#ifndef RH_CHECK_H
#define RH_CHECK_H

#include "rest/state.h"

/* The plan's action, by the method and the path. */
bool rh_check_action(rh_rest *r, rh_err *err);
/* Makes rel the root, where it may be used for the action and the path's keys are as many as its own. */
bool rh_check_relation(rh_rest *r, const rh_relation *rel, rh_err *err);
/* The parts of the query string that the action does not take. */
bool rh_check_parameters(const rh_rest *r, rh_err *err);

/* Two refusals: 42501, as PostgreSQL would say it; and a parameter without a meaning in `where`. */
bool rh_check_denied(const rh_relation *rel, rh_err *err);
bool rh_check_meaningless(rh_err *err, const char *parameter, const char *where);

#endif
