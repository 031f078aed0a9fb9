/* SPDX-License-Identifier: Apache-2.0
 *
 * What a verify run tried and found: a line for each door and kind of asking, the leaks, what was not
 * covered, notes. Printed for people or as JSON. Everything lives in the arena given.
 */
#ifndef RH_VERIFY_REPORT_H
#define RH_VERIFY_REPORT_H

#include <stdio.h>

#include "verify/fill.h"

typedef struct rh_verify_tried {
    const char *door, *kind;
    int64_t requests, bytes; /* bytes: of answers, all of them read */
    int64_t good;            /* answers that were no error */
    int64_t rows;            /* answers that held something of the one who asked */
    int64_t leaks;
} rh_verify_tried;

typedef struct rh_verify_leak {
    const char *door, *kind;
    const char *asked_as; /* slug, or "nobody" */
    const char *asked;    /* the request, as text */
    const char *owner;    /* slug of the tenant whose canary it is */
    const char *canary;
    const char *where; /* head, body, row, lost */
    const char *excerpt;
} rh_verify_leak;

typedef struct rh_verify_report {
    rh_arena *a;
    const char *app;
    uint64_t seed;
    int tenants; /* of each model */
    const char *models, *nodes;
    RH_VEC(rh_verify_tried *) tried;
    RH_VEC(rh_verify_leak) leaks; /* the first RH_VERIFY_LEAKS of them */
    int64_t n_leaks;
    rh_coverages coverage;
    RH_VEC(const char *) notes;
    double seconds;
} rh_verify_report;

#define RH_VERIFY_LEAKS 100

/* The line of the door and kind, made when it is the first. Texts must live as long as the report. */
rh_verify_tried *rh_verify_report_line(rh_verify_report *r, const char *door, const char *kind);
void rh_verify_report_leak(rh_verify_report *r, const rh_verify_leak *leak);
/* A note, once. */
void rh_verify_report_note(rh_verify_report *r, const char *text);
int rh_verify_report_uncovered(const rh_verify_report *r);

void rh_verify_report_print(const rh_verify_report *r, FILE *out);
void rh_verify_report_json(const rh_verify_report *r, FILE *out);

#endif
