/* SPDX-License-Identifier: Apache-2.0
 *
 * The data door's side of an adopted database (adopt/adopted.h): what is different about its requests. There
 * is no catalog: the token or the conf says who asks, the state of the database says what there is.
 */
#ifndef RH_ADOPTED_REQUEST_H
#define RH_ADOPTED_REQUEST_H

#include "adopt/gate.h"
#include "catalog/directory.h"
#include "http/exchange.h"
#include "http/request_settings.h"

typedef struct rh_adopted_request {
    rh_gate_pass pass;
    rh_rest_role role;
} rh_adopted_request;

/* On its head. The exchange's arena keeps the state of the database until it ends. tenant: all but its
 * limits. *again: as rh_identity's retry_after_fetch. */
bool rh_adopted_request_admit(rh_adopted *db, rh_resolver *resolver, rh_exchange *x, rh_adopted_request *out,
                              rh_directory_entry *tenant, bool *again, rh_err *err);
/* Where a function answers at / (db-root-spec), a request for that becomes its call: true when the answer is
 * to be called a description. */
bool rh_adopted_request_root(const rh_adopted_request *r, rh_arena *a, rh_rest_request *req);
/* Before it is planned: the database's own rules, and the settings of its transaction. */
void rh_adopted_request_name(rh_adopted_request *r, rh_exchange *x, rh_rest_naming *naming,
                             rh_request_settings *settings);
/* The statements, how many is told, that ask what its role may do with its schema, behind the function that
 * runs first in each transaction; the last one's row, when it has come, is read into a cache that the
 * request's state keeps, or its arena. */
#define RH_ADOPTED_LOOK_STATEMENTS 3
int rh_adopted_request_look(const rh_adopted_request *r, rh_arena *a, const rh_request_settings *settings,
                            rh_rest_statement out[RH_ADOPTED_LOOK_STATEMENTS]);
const rh_relation_cache *rh_adopted_request_seen(const rh_adopted_request *r, rh_arena *a, const char *json,
                                                 size_t len, rh_err *err);
/* Says which schema it was, where there are several. */
void rh_adopted_request_head(const rh_adopted_request *r, rh_rest_answer *out);

#endif
