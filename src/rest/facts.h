/* SPDX-License-Identifier: Apache-2.0
 *
 * What descriptions of the API (swagger.c, openapi.c) say of a version's relations, columns and functions,
 * whatever form they have. Both show a tenant what it may use, and nothing that is a tenant's own.
 */
#ifndef RH_FACTS_H
#define RH_FACTS_H

#include "rest/rest.h"

/* PostgREST's openapi-mode. */
typedef enum rh_openapi_mode {
    RH_OPENAPI_FOLLOW, /* what the server role may do */
    RH_OPENAPI_IGNORE, /* what relations take by their kind */
    RH_OPENAPI_DISABLED
} rh_openapi_mode;

/* A type as JSON has it. */
typedef struct rh_value_facts {
    const char *json_type; /* string, integer, number, boolean, array; NULL: any */
    const char *name;      /* PostgreSQL's, without modifiers; a domain of a built-in type is that one */
    const char *item;      /* of an array: the name of what it is of; else NULL */
    int64_t max_length;    /* characters; 0: no limit */
    const char *const *labels;
    int n_labels;          /* 0: no enum */
    const rh_app_type *of; /* the app's own, of an array that of its elements; or NULL */
} rh_value_facts;

void rh_value_facts_of(rh_arena *a, const rh_type *type, const rh_app_type *app_type, rh_value_facts *out);
/* string, integer ...; NULL: any */
const char *rh_json_type_of(const char *name);

bool rh_column_is_nullable(const rh_column *c);
const char *rh_column_comment(const rh_column *c); /* NULL: none */
/* The default as JSON text where it is a plain value or a text, else NULL: PostgREST's rule. */
const char *rh_column_default(rh_arena *a, const rh_column *c, const rh_value_facts *facts);

/* The key of one column that leads from this one to a table that is served, or to a view where there is no
 * table. The tenant key counts as no column, since the door fills it in. *to is the column there. */
const rh_foreign_key *rh_column_key(const rh_rest_naming *n, const rh_relation *r, int column, int *to);
bool rh_column_in_primary_key(const rh_relation *r, int column);

/* Served, and not behind the tenant set's relation of the same name. */
bool rh_relation_is_shown(const rh_relation_cache *c, const rh_rest_naming *n, const rh_relation *r);
/* before and the name as it stands in a path: what would end the path or stand for something else is escaped.
 */
const char *rh_path_of(rh_arena *a, const char *before, const char *name);
/* Not where a parameter of this name means something else. */
bool rh_column_is_filtered(const rh_column *c);
/* RH_TAKES_* of what may be done to it. */
int rh_relation_takes(const rh_relation *r, rh_openapi_mode mode);
/* May it be called by a path of its own? Not what takes a row: those are computed fields. */
bool rh_function_is_served(const rh_rest_naming *n, const rh_function *f);
/* One overload stands for all of the name, as a path has one description: the last, as in PostgREST. NULL
 * when f is not that one, or none is served. */
bool rh_function_is_shown(const rh_relation_cache *c, const rh_rest_naming *n, const rh_function *f);

/* The first line of a comment, and what follows it, without the empty lines between; each NULL when there is
 * none. */
void rh_comment_parts(rh_arena *a, const char *comment, const char **first, const char **rest);

#endif
