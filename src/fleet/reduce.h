/* SPDX-License-Identifier: Apache-2.0
 *
 * The second statement of a fleet query: the union of all rows becomes a temporary table `rows` beside the
 * app's own tables on the first node, by COPY as they come, and the statement is asked there, read-only.
 */
#ifndef RH_REDUCE_H
#define RH_REDUCE_H

#include "catalog/tenant.h"
#include "fleet/gather.h"

typedef struct rh_reduce rh_reduce;

rh_reduce *rh_reduce_new(const rh_operator *o, const char *sql, rh_rows_fn rows, rh_failure_fn failed,
                         void *arg, rh_err *err);
bool rh_reduce_rows(void *reduce, const PGresult *rows, rh_err *err);       /* an rh_rows_fn */
void rh_reduce_failure(void *reduce, const char *label, const rh_err *why); /* an rh_failure_fn */
/* Asks, and hands the result on. */
bool rh_reduce_finish(rh_reduce *r, rh_err *err);
void rh_reduce_free(rh_reduce *r); /* NULL is allowed */

#endif
