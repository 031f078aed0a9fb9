/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL writer: a planned request to statements. Two rules hold for every text it writes.
 *
 * 1. It consists of words of ours and quoted names of the relation cache and the naming. Whatever a client
 * sent (values, JSON keys, renames, counts) is a parameter, so the text is the same for all tenants and
 * values.
 * 2. Of a home with tenant keys, every reference to a relation of the tenant set has `key = $1` beside it.
 */
#ifndef RH_REST_SQL_H
#define RH_REST_SQL_H

#include "rest/plan.h"

/* The statement that reads, writes or calls. False when a bound is passed. */
bool rh_sql_main(const rh_plan *p, rh_rest_statement *out, rh_err *err);
/* `SELECT count(*)` over the same conditions, without limit and offset. up_to: no more are counted than that,
 * 0: all. */
bool rh_sql_count(const rh_plan *p, int64_t up_to, rh_rest_statement *out, rh_err *err);
/* How many the planner takes them to be: a plan as JSON. Of rows of a relation only. */
bool rh_sql_estimate(const rh_plan *p, rh_rest_statement *out, rh_err *err);

/* One row: how many rows of the main statement's merge were not there. */
void rh_sql_inserted(const rh_plan *p, rh_rest_statement *out);
/* One row: what the app has set of the answer's headers and status. */
void rh_sql_response(const rh_plan *p, rh_rest_statement *out);

/* What a guard's failure says: PostgreSQL cannot cast this text, and its error quotes it. The rows stand
 * behind. */
#define RH_SQL_GUARD_ONE "PGRST116 "
#define RH_SQL_GUARD_MAX "PGRST124 "

/* The same where a row of the body is there twice, in different parts of it. */
#define RH_SQL_GUARD_TWICE "PG21000 "

#endif
