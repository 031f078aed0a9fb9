/* SPDX-License-Identifier: Apache-2.0
 *
 * What writes bring along: their body, what is a duplicate, and which row a PUT is.
 */
#ifndef RH_WRITE_H
#define RH_WRITE_H

#include "rest/state.h"

/* The body as JSON, whatever its type, into the plan. */
bool rh_write_parse(rh_rest *r, const rh_rest_request *req, rh_err *err);
/* The body and which columns it sets; nothing of actions that have none. */
bool rh_write_body(rh_rest *r, const rh_rest_request *req, rh_err *err);
/* What is a duplicate: by the columns of on_conflict=, or by the primary key. The tenant key is always one of
 * them, so that no other tenant's row can ever be one. */
bool rh_write_conflict(rh_rest *r, rh_err *err);
/* A PUT names its row by all columns of the key, each once; the row's own values are held against them. */
bool rh_write_put(const rh_rest *r, rh_err *err);

#endif
