/* SPDX-License-Identifier: Apache-2.0
 *
 * The fleet query: one statement of the operator over all tenants. A shared home is asked once, as a whole;
 * schema and database homes each, several at a time. Rows come back as one table, the tenant beside them, in
 * the order of the homes. Memory is bounded, whatever the number of homes and rows.
 *
 * Only homes of tenants that are active or suspended are asked; each in a transaction of its own, read-only
 * unless a write was asked for. What fails in one home is told and hinders no other.
 */
#ifndef RH_FLEET_QUERY_H
#define RH_FLEET_QUERY_H

#include "catalog/tenant.h"
#include "fleet/gather.h"

typedef struct rh_fleet_query {
    const char *sql;    /* one statement */
    const char *reduce; /* a second one over the union, as table `rows`; NULL: none */
    bool write;
    bool apart; /* each tenant of a shared home by itself, under row security */
    int jobs;   /* connections at a time; 0: 4 */
} rh_fleet_query;

typedef struct rh_fleet_plan {
    size_t homes, shared, schemas, databases;
    int64_t tenants; /* in all of them */
    size_t apart;    /* tenants of shared homes asked by themselves */
} rh_fleet_plan;

bool rh_fleet_plan_read(rh_operator *o, const rh_fleet_query *q, rh_fleet_plan *out, rh_err *err);
/* rows gets the union, or what reduce makes of it. False: none of it counts. */
bool rh_fleet_ask(rh_operator *o, const rh_fleet_query *q, rh_rows_fn rows, rh_failure_fn failed, void *arg,
                  rh_err *err);

#endif
