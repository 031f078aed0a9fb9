/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge: reads every byte that somebody was given for canaries of others, and reports them as leaks.
 *
 * What a request itself held may come back in its answer, and what a tenant has written is its own from then
 * on: such tokens are no leak for it. Other values of the same owner still are.
 */
#ifndef RH_JUDGE_H
#define RH_JUDGE_H

#include "base/map.h"
#include "verify/report.h"

#define RH_NOBODY (-1)

typedef struct rh_judge {
    rh_arena *a;
    rh_arena *scratch; /* cleared after each answer */
    rh_verify_report *report;
    const rh_canary *canaries; /* by tenant */
    const char *const *slugs;
    size_t n;
    rh_map written; /* "tenant:token" */
} rh_judge;

void rh_judge_init(rh_judge *j, rh_arena *a, rh_verify_report *report, const rh_canary *canaries,
                   const char *const *slugs, size_t n);
void rh_judge_release(rh_judge *j);

typedef struct rh_answer_to {
    const char *door, *kind;
    int own;           /* the tenant that asked; RH_NOBODY: no canary at all may come */
    const char *asked; /* the request, as text */
    const char *where; /* head, body, row */
    bool ids_are_open; /* a tenant's id alone (its canary number 0) is no secret there */
} rh_answer_to;

/* True: it held a canary of somebody else. The first one is in the report. */
bool rh_judge_answer(rh_judge *j, const rh_answer_to *to, const char *text, size_t len);
/* The tenant has sent this for keeping. */
void rh_judge_wrote(rh_judge *j, int own, const char *asked);

#endif
