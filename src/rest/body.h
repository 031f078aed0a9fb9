/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON bodies: an object or an array of objects of the same keys. PostgreSQL reads the values; what is
 * checked here is the form, the keys, and that no row is offered for another tenant.
 *
 * Ownership: the arena's. Errors: RH_E_BODY (PGRST102) for the form, RH_E_NO_COLUMN for unknown keys,
 * RH_E_FOREIGN_KEY_VALUE for a tenant key of someone else.
 */
#ifndef RH_BODY_H
#define RH_BODY_H

#include <jansson.h>

#include "rest/query.h"
#include "rest/rest.h"

typedef struct rh_body rh_body;
struct rh_body {
    const char *array;  /* the text as a JSON array of objects, whatever came */
    const char *object; /* the text of the one object, NULL when an array came */
    json_t *json;
    bool is_array;
    size_t count;        /* objects */
    int64_t first;       /* number of the first one in the whole body */
    const rh_body *like; /* whose keys they must have; NULL: those of its own first one */
};

/* Memory that the values of a body may take, about: one that has more is RH_E_TOO_LARGE. */
#define RH_BODY_MAX_WEIGHT ((size_t)256 << 20)

/* out must live as long as the arena. Keys that stand twice in one object are refused, since PostgreSQL and
 * checks could take different ones. part: NULL, or where it stands in a larger body, for messages. */
bool rh_body_parse(rh_arena *a, const char *text, size_t len, const rh_rest_part *part, rh_body *out,
                   rh_err *err);
/* Its values, which take many times the text, are not needed any more: only the text is left. */
void rh_body_release(rh_body *body);
/* The text, which was a string, is the id of the naming's tenant; RH_E_FOREIGN_KEY_VALUE. */
bool rh_body_check_key(const char *text, const char *key, const rh_rest_naming *naming, rh_err *err);

/* Objects that set the same columns, in the order of the table, without the tenant key. */
typedef struct rh_body_part {
    int *columns;
    int n;
    int *merged; /* what a row that is there already takes over: columns, and those left out with their
                    defaults */
    int n_merged;
    const char *rows; /* array literal of their positions, from 1; NULL: all of the body */
} rh_body_part;
typedef RH_VEC(rh_body_part) rh_body_parts;

#define RH_BODY_MAX_PARTS 16

/* Which columns of rel a write sets: the keys of the objects, which must all have the same, or columns= where
 * given: one part. With `absent_apart` an object sets those of columns= that it has, so there may be more;
 * one at most of an empty body. The tenant key may only be repeated. */
bool rh_body_columns(rh_arena *a, const rh_body *body, const rh_relation *rel, const rh_url *url,
                     const rh_rest_naming *naming, bool absent_apart, rh_body_parts *out, rh_err *err);
/* The body's only object has the column. */
bool rh_body_has(const rh_body *body, const char *column);

#endif
