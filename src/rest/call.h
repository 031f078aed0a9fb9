/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of functions: which one of its name the arguments are for, and what is done with a body.
 */
#ifndef RH_CALL_H
#define RH_CALL_H

#include "rest/state.h"

/* Finds the function and takes its arguments; its rows' relation or columns become the root. */
bool rh_call_plan(rh_rest *r, const rh_rest_request *req, rh_err *err);

#endif
