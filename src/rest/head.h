/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of an answer as the app sets it: `response.headers`, a JSON array of objects of one name and one
 * text each, and `response.status`, a number. What the app says goes before what stands there of the same
 * name. How long a message is and how its connection goes on is never the app's to say.
 */
#ifndef RH_HEAD_H
#define RH_HEAD_H

#include <jansson.h>

#include "rest/state.h"

/* Takes the row of rh_sql_response(). */
void rh_head_take(rh_rest *r, const PGresult *res);
/* One more of the app's headers; name and value are copied. RH_E_RESPONSE_HEADERS. */
bool rh_head_add(rh_rest *r, const char *name, const json_t *value, rh_rest_answer *out, rh_err *err);
/* Errors: RH_E_RESPONSE_HEADERS, RH_E_RESPONSE_STATUS. The request has been done all the same. */
bool rh_head_set(rh_rest *r, rh_rest_answer *out, rh_err *err);

#endif
