/* SPDX-License-Identifier: Apache-2.0
 *
 * The planner: names of a query tree are looked up in the relation cache. What is not there, not served to
 * tenants or not of this version is refused here, so the SQL writer (sql.h) only ever sees known names.
 *
 * A node is one reference to a relation: the root or an embed. Ownership: everything is the request's
 * arena's.
 */
#ifndef RH_PLAN_H
#define RH_PLAN_H

#include "rest/body.h"
#include "rest/cast.h"
#include "rest/link.h"
#include "rest/negotiate.h"
#include "rest/payload.h"
#include "rest/prefer.h"
#include "rest/query.h"
#include "rest/rest.h"

typedef struct rh_node rh_node;

/* One value of a row: a field, an embed, what a spread embed brings (one item of it), or an aggregate over
 * the first or the last of these; count() has none. */
typedef struct rh_item {
    const char *key;       /* its name in the answer */
    const rh_field *field; /* or NULL; it is resolved */
    const rh_cast *cast;   /* or NULL */
    const rh_type *shown;  /* the function that makes the field's value what is shown of it; or NULL */
    rh_node *embed;        /* or NULL */
    const rh_node *spread; /* or NULL */
    size_t spread_item;    /* which of its items */
    const char *aggregate; /* its SQL name, or NULL */
    const rh_cast *aggregate_cast;
    bool boxed; /* grouped by and json, which has no equality: it goes through the statement as text */
    rh_json_form form;
} rh_item;

struct rh_node {
    const char *name; /* of the relation or function, for messages */
    rh_query *query;
    const rh_relation *relation; /* NULL: the columns of a function */
    const rh_column *columns;
    int n_columns;
    int number; /* of its alias */
    rh_node *parent;
    rh_link link; /* to the parent */
    bool to_one;
    bool spread;     /* its items stand among the parent's */
    bool aggregated; /* an item is an aggregate: the rows are grouped by the others */
    bool renamed;    /* a key is not the name of a known column or relation, or a value is boxed */
    RH_VEC(rh_item) items;
    RH_VEC(rh_node *) children;
};

typedef enum rh_action { RH_DO_READ, RH_DO_INSERT, RH_DO_UPDATE, RH_DO_DELETE, RH_DO_CALL } rh_action;

/* What is done to a write's rows before they count: none, exactly one, or at most max_affected. */
typedef enum rh_guard { RH_GUARD_NONE, RH_GUARD_ONE, RH_GUARD_MAX } rh_guard;

typedef struct rh_plan {
    rh_arena *arena;
    const rh_relation_cache *cache;
    const rh_rest_naming *naming;
    rh_action action;
    rh_node root;
    int n_nodes;
    bool calls;  /* a function of the app is called, by name or as a computed field */
    bool tenant; /* some reference needs the tenant id: it is parameter $1 */
    bool head;   /* no rows wanted, only how many */
    rh_explain explain;
    const rh_type *maker; /* the function that makes a body of the rows; NULL: none */
    bool maker_of_rows;   /* it takes whole rows of the root's relation; else of what is selected */
    bool geo;             /* it makes a GeoJSON feature of each */
    bool csv;             /* values are wanted as PostgreSQL writes them, not as JSON */
    bool strip;           /* nulls are left out */
    bool returning;       /* a write answers with its rows */
    bool location;        /* an insert answers with its keys */
    rh_guard guard;
    int64_t max_affected;
    const char *const *keys; /* of /relation/key */
    int n_keys;
    bool has_limit;
    int64_t limit, offset;
    /* writes */
    rh_body body;
    rh_body_parts parts;      /* one; of an insert with missing=default perhaps more */
    const rh_rest_part *part; /* the body is a part of a larger one; NULL: it is whole */
    bool arrays;              /* the rows go as arrays: rest/sql_load.h */
    bool missing_default;
    bool put; /* the insert is a PUT: of the row that the conditions name, new or not */
    rh_resolution resolution;
    const int *conflict; /* columns that tell a duplicate, with the tenant key */
    int n_conflict;
    bool count_inserted; /* which of the rows were not there is asked for afterwards */
    /* calls */
    const rh_function *function;
    bool scalar;                /* the function has no columns */
    const rh_type *value_shown; /* the function that makes its value what is shown of it; or NULL */
    rh_json_form value_form;
    RH_VEC(const rh_argument *) arguments;
    const char *whole;                  /* the body, as the only argument; NULL: arguments have names */
    const char *const *argument_values; /* of GET, one per argument; NULL: they are in the body */
} rh_plan;

/* May the naming's tenants see it at all? Keyed homes need a tenant key on everything of the tenant set. */
bool rh_plan_serves(const rh_rest_naming *naming, const rh_relation *r);
/* Finds a served relation; RH_E_NO_TABLE with a hint otherwise. */
const rh_relation *rh_plan_relation(const rh_relation_cache *c, const rh_rest_naming *naming,
                                    const char *name, rh_err *err);
/* Finds the function that takes exactly these argument names; RH_E_NO_FUNCTION, RH_E_AMBIGUOUS_FUNCTION. One
 * of a single unnamed parameter takes a whole body, where `body` is there and no other function fits. n -1:
 * the body has no names. */
bool rh_plan_function(rh_plan *p, const char *name, const char *const *arguments, int n,
                      const rh_payload *body, rh_err *err);
/* Resolves the tree below p->root, whose query and columns are set. */
bool rh_plan_tree(rh_plan *p, rh_err *err);
/* How a resolved field's value becomes JSON; its path and cast are not looked at. */
rh_json_form rh_plan_form(const rh_node *n, const rh_field *f);
const char *rh_plan_type(const rh_node *n, const rh_field *f);
/* Both resolved, of one node. */
bool rh_plan_same_field(const rh_field *a, const rh_field *b);
/* Marks the tree's need of the tenant id; after everything else is planned. */
void rh_plan_note_tenant(rh_plan *p);

/* RH_E_DB with 42703, as PostgreSQL would say it, and a hint. */
bool rh_plan_no_column(const rh_node *n, const char *column, rh_err *err);
/* RH_E_NOT_IMPLEMENTED, what the client asked for in the detail. */
bool rh_plan_not_implemented(rh_err *err, const char *what, const char *culprit);

/* A condition that gives a column of the primary key its value, and is the first to do so: notes it in seen,
 * by its place in the key. */
bool rh_plan_is_key(const rh_relation *rel, const rh_logic *l, bool *seen);
/* A read whose conditions give the whole key, the tenant's apart: it has one row at most. */
bool rh_plan_finds_one(const rh_plan *p);

#endif
