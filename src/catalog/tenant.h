/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's verbs on tenants: create, adopt, find, list, provision. Blocking; each may be repeated after
 * an interruption and ends well.
 */
#ifndef RH_TENANT_H
#define RH_TENANT_H

#include <jansson.h>

#include "app/install.h"
#include "catalog/nodes.h"
#include "catalog/warm.h"
#include "home/adopt.h"
#include "home/script.h"

/* The operator at work: an app with connections to its catalog and to the shared homes' database, and the
 * app's migrations, for homes that are made by them. */
typedef struct rh_operator {
    const rh_app *app;
    rh_arena *arena;         /* the operator's own */
    rh_db *catalog, *shared; /* shared: on the first node; others by rh_operator_shared() */
    rh_nodes *nodes;
    rh_home home; /* the first node's shared home; id 0 in an app without a tenant key */
    rh_sets sets;
    rh_cloner cloner;      /* on the first node */
    rh_home_script script; /* there */
    rh_warm *warm;         /* of a server; NULL: a command's */
    int uses;              /* catalog/operators.h counts them */
} rh_operator;

/* RH_E_STATE where the catalog was migrated by an older or a newer Rowhouse. */
bool rh_operator_open(rh_operator *o, const rh_app *app, rh_err *err);
void rh_operator_close(rh_operator *o);
/* Reads the app's migrations again, and what the catalog says of the shared home where it was not there yet.
 */
bool rh_operator_refresh(rh_operator *o, rh_err *err);
/* The connection to the app's database on the home's node, where its schema is or its database's like. */
rh_db *rh_operator_shared(rh_operator *o, const rh_home *home, rh_err *err);
/* Says on a connection to the catalog that Rowhouse's verbs are at work: what changes a tenant's id, state
 * and home without it is refused by the catalog (sql/catalog/0004_views.sql). */
#define RH_OPERATOR_ANNOUNCE "SET rowhouse.verb = on"
bool rh_operator_announce(rh_db *catalog, rh_err *err);

/* A creation whose home is a database that is there: see home/adopt.h. */
typedef struct rh_tenant_adoption {
    int node, version;
    rh_adopt_was was;
} rh_tenant_adoption;

typedef struct rh_tenant_spec {
    const char *id;                     /* NULL: the catalog gives one */
    const char *slug;                   /* NULL: made from the name */
    const char *name;                   /* NULL: the slug */
    const char *model;                  /* NULL: the app\'s default */
    const char *home_name;              /* of the schema or database; NULL: by the home\'s number */
    const char *node;                   /* by name; NULL: the one with the least on it */
    const char *node_id;                /* its number: rh_tenant_create() looks it up */
    rh_profile profile;                 /* columns that the app's catalog set added */
    bool revive;                        /* the id may be a dropped tenant's: its rows were brought back */
    const rh_tenant_adoption *adoption; /* NULL: the home is made; else home_name is the database */
} rh_tenant_spec;

/* {"slug", "name", "id"?, profile columns...}: texts, numbers, booleans, null. RH_E_BODY. Points into body.
 */
bool rh_tenant_spec_from_json(rh_arena *a, const json_t *body, rh_tenant_spec *spec, rh_err *err);

/* Creates the tenant and its place in its home. *id (in the arena) is set as soon as the catalog has it. What
 * an earlier call with the same wishes began and did not end is ended. */
bool rh_tenant_create(rh_operator *o, rh_arena *a, const rh_tenant_spec *spec, const char **id, rh_err *err);

/* The tenant's home; id 0 when it has none yet. Strings are the arena's. */
bool rh_tenant_home(rh_operator *o, rh_arena *a, const char *id, rh_home *out, rh_err *err);

/* Gives a pending, failed or half-made tenant its place; failure is kept with the tenant. */
bool rh_tenant_provision(rh_operator *o, const char *id, rh_err *err);
/* All that wait, a line about each. *done and *failed count; only a lost connection is a failure of the call.
 */
bool rh_tenant_provision_waiting(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg,
                                 int *done, int *failed, rh_err *err);

/* Takes over the rows of the root table that no tenant has yet (loaded by hand). */
bool rh_tenant_adopt_rows(rh_operator *o, const char *table, int *adopted, rh_err *err);

/* Makes the database a tenant's home without a copy of its data, checked first: while found->differences
 * holds any, nothing is changed and the call is RH_E_STATE. A tenant that asked for a database of this name
 * and did not get it is that tenant; else one is created, by spec (slug NULL: from the name, else from the
 * database's). version 0: the newest. dry_run: only checks. Repeated, it goes on where it stopped. */
typedef struct rh_tenant_adopted {
    const char *id, *slug; /* NULL after a dry run */
    int version;
    rh_shape_findings found;
} rh_tenant_adopted;
bool rh_tenant_adopt_database(rh_operator *o, rh_arena *a, const char *database, int version,
                              const rh_tenant_spec *spec, bool dry_run, rh_tenant_adopted *out, rh_err *err);

/* The id of the tenant that `ref` (id or slug) names; NOT_FOUND with near misses as hint. */
const char *rh_tenant_find(rh_operator *o, rh_arena *a, const char *ref, rh_err *err);

/* RH_E_INVALID with a hint. */
bool rh_tenant_slug_check(rh_arena *a, const char *slug, rh_err *err);
bool rh_tenant_name_check(const char *name, rh_err *err);

/* The slug a name gives: lower-case ASCII letters, digits and '-', beginning with a letter, at most 63 bytes.
 */
const char *rh_slug_from_name(rh_arena *a, const char *name);

#endif
