/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of rh_rest, shared by rest.c, check.c, call.c and write.c (planning), answer.c (rows to answer)
 * and scrub.c (errors).
 */
#ifndef RH_STATE_H
#define RH_STATE_H

#include "rest/negotiate.h"
#include "rest/plan.h"
#include "rest/prefer.h"
#include "rest/render.h"
#include "rest/url.h"

/* What the rows of the main statement are. */
typedef enum rh_rows_kind {
    RH_ROWS_NONE,    /* a write that tells its count by its command tag */
    RH_ROWS_COUNT,   /* one row with the number of rows */
    RH_ROWS_SCALARS, /* one column, each row a value */
    RH_ROWS_OBJECTS,
    RH_ROWS_BODY,  /* one row: how many rows there are, and what a handler makes of them */
    RH_ROWS_VALUE, /* one row, one column: the body */
    RH_ROWS_LINES, /* of a plan */
    RH_ROWS_KEYS   /* the primary key of inserted rows, for Location */
} rh_rows_kind;

struct rh_rest {
    rh_arena *arena;
    rh_rest_naming naming;
    rh_method method;
    const char *raw_path, *query; /* as they came */
    rh_path path;
    rh_url url;
    rh_prefer prefer;
    rh_format format;
    rh_plan plan;
    rh_rest_plan_info info;

    int count, responding; /* which statements tell the total and the head; -1: none */
    int estimate;          /* which one is the planner's guess of the total; -1: none */
    rh_rows_kind rows_kind;
    bool single; /* the body is the one row, not an array of rows */
    bool must_be_one;
    rh_render_column *columns;
    int n_columns;
    rh_str body;
    int64_t rows;     /* of the main statement so far, or what it counted */
    int64_t total;    /* -1: not counted */
    bool begun;       /* a part of the answer has gone out */
    int64_t inserted; /* of rows that were merged: those that were not there */
    const char *location;
    rh_rest_header *raised; /* by the app's own error */
    int n_raised;
    const char *set_headers, *set_status; /* by the app, as text; NULL: not set */
};

/* With count=estimated so many rows are counted; of more the planner's guess counts. */
#define RH_ESTIMATE_FROM 10000
static inline int64_t rh_estimate_from(const struct rh_rest *r)
{
    return r->naming.max_rows > 0 ? r->naming.max_rows : RH_ESTIMATE_FROM;
}

static inline bool rh_writes(const rh_plan *p)
{
    return p->action != RH_DO_READ && p->action != RH_DO_CALL;
}

/* Makes the leads of the columns and what else answer.c needs. */
void rh_answer_prepare(struct rh_rest *r);

#endif
