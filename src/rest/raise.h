/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors that the app raises with a meaning of their own, as PostgREST has it: SQLSTATE PGRST, whose message
 * is JSON of {code, message, details, hint} and whose detail is JSON of {status, headers}. (PTnnn, a status,
 * is rh_err_http()'s.)
 */
#ifndef RH_RAISE_H
#define RH_RAISE_H

#include "rest/state.h"

/* Makes of err what it says, and keeps its headers in r. Where it says something else: RH_E_RAISED. */
void rh_raise_take(rh_rest *r, rh_err *err);

#endif
