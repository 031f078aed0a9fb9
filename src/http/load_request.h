/* SPDX-License-Identifier: Apache-2.0
 *
 * A request whose body is loaded while it comes in: what the door gives it of the body goes in batches
 * (rest/batches.h) to a job that is fed (pg/pool.h). All of it is one transaction, which ends well only when
 * the whole body was read. Memory is that of a few batches: while PostgreSQL does not keep up the client is
 * not read.
 *
 * All on the loop's thread. Ownership: a part of the door's request, in the exchange's arena.
 */
#ifndef RH_LOAD_REQUEST_H
#define RH_LOAD_REQUEST_H

#include "http/exchange.h"
#include "pg/pool.h"
#include "rest/batches.h"

/* Zeroed by the door; x and job are the request's. */
typedef struct rh_load_request {
    rh_exchange *x;
    rh_job *job;
    rh_batches *batches;
    bool begun, asleep; /* asleep: the client is not read */
    rh_err *failed;     /* of the body itself */
    int64_t n_fed;      /* batches */
    int64_t more;       /* rows that the command tags did not say */
    struct {
        int64_t first, last;
    } fed[RH_JOB_MAX_FED + 1]; /* those that may not have ended, by their number */
} rh_load_request;

/* With what has come so far. BEGUN: the job's statements are those of *plan, and it is to be submitted, with
 * its main statement's rows and on_hungry coming here. */
rh_batches_begun rh_load_request_begin(rh_load_request *l, const rh_rest_request *req,
                                       const rh_relation_cache *cache, const rh_rest_naming *naming,
                                       const char *bytes, size_t n, rh_rest **plan, rh_err *err);
/* False: no more for now. */
bool rh_load_request_add(rh_load_request *l, const char *bytes, size_t n);
void rh_load_request_end(rh_load_request *l); /* that was all */
/* The job may be fed. */
void rh_load_request_feed(rh_load_request *l);
/* Rows of the job's main statement. */
void rh_load_request_rows(rh_load_request *l, const PGresult *res);
/* Of the job's end: how many rows there were, in the arena. */
const char *rh_load_request_affected(const rh_load_request *l, const char *affected);
/* Of the job's end: why it is an error. err is the job's, and gets where in the body it is. */
void rh_load_request_judge(const rh_load_request *l, rh_err *err);

#endif
