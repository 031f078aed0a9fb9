/* SPDX-License-Identifier: Apache-2.0
 *
 * Types that a client may cast to: built-in ones that read nothing but the value (casting to regclass and its
 * like would look things up in PostgreSQL's catalog), and the app's own. And domain representations: how the
 * app has values of a domain shown and read. A name from a request never stands in a statement: what does
 * comes from the table of cast.c or the relation cache.
 */
#ifndef RH_CAST_H
#define RH_CAST_H

#include "rest/relation.h"

typedef struct rh_cast {
    rh_type type;
    const char *modifier; /* "(10,2)" or ""; digits only */
    bool array;
    rh_json_form form;
} rh_cast;

/* `name`, `name(n)`, `name(n,m)`, any of them with `[]`. Error: 42704, as PostgreSQL would say it. */
const rh_cast *rh_cast_named(rh_arena *a, const rh_relation_cache *c, const char *name, rh_err *err);

/* The domain of a column whose values are shown or read in a way of their own; NULL: it is none. */
const rh_app_type *rh_cast_domain(const rh_column *column);
const rh_app_type *rh_cast_result(const rh_function *f); /* the same of what it returns */

#endif
