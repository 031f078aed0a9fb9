/* SPDX-License-Identifier: Apache-2.0
 *
 * The world that is put to the test: the tenants of a scratch copy with what they have. Most of them ask; the
 * last one of each model is still: it never asks for anything, so that whatever changes in its home was done
 * by somebody else. One of the still ones is suspended, and its token is refused.
 */
#ifndef RH_VERIFY_WORLD_H
#define RH_VERIFY_WORLD_H

#include <jansson.h>

#include "catalog/tenant.h"
#include "rest/relation.h"
#include "verify/judge.h"
#include "verify/scratch.h"

typedef struct rh_verify_rows { /* some of a table's rows, as JSON objects */
    const char *table;
    json_t *rows;
} rh_verify_rows;

typedef struct rh_verify_tenant {
    const char *id, *slug, *token;
    rh_home home;
    rh_canary *canary;
    bool still, suspended, citus; /* citus: the home is on a coordinator */
    RH_VEC(rh_verify_rows) known;
    RH_VEC(const char *)
    prints; /* of a still one: its tables' rows, hashed, in the order of fingerprint.sql */
} rh_verify_tenant;

typedef struct rh_world {
    rh_arena *a;
    const rh_app *app; /* the scratch copy's */
    const rh_verify_nodes *nodes;
    rh_operator op;
    rh_dice dice;
    rh_verify_tenant *tenants;
    rh_canary *canaries; /* by tenant */
    const char **slugs;
    int n;
    rh_relation_cache *cache;
    rh_judge judge;
    rh_verify_report *report;
    bool (*stopped)(void); /* the user wants no more */
} rh_world;

/* Migrates the scratch copy, gives it the real app's nodes, makes tenants of each model (a set of bits, 1 <<
 * rh_model), n_tenants or two for each node that takes its homes, spread over them, and fills their homes.
 * The report's arena, app and seed are set. */
bool rh_world_make(rh_world *w, const rh_scratch *scratch, unsigned models, int n_tenants,
                   rh_verify_report *report, bool (*stopped)(void), rh_err *err);
void rh_world_release(rh_world *w);

/* Runs SQL as the operator in every home: once for the shared one. :"schema", :"owner", :"server",
 * :"operator" stand for names. */
bool rh_world_run(rh_world *w, const char *sql, rh_err *err);

/* Takes the still tenants' fingerprints, and reads what requests are made of. After the last preparation. */
bool rh_world_note(rh_world *w, rh_err *err);
/* Reads every row of every home: no canary of another tenant, and nothing of the still ones changed. */
bool rh_world_check(rh_world *w, rh_err *err);

const json_t *rh_verify_known(const rh_verify_tenant *t, const char *table); /* an array, or NULL */
bool rh_world_go_on(const rh_world *w, rh_err *err); /* false, with an error, when the user stopped it */

#endif
