/* SPDX-License-Identifier: Apache-2.0
 *
 * The relation cache: tables, views, columns, keys, foreign keys and functions of ONE version of the app, the
 * same for all tenants. sql/rest/introspect.sql reads it from a template as one JSON document, the catalog
 * stores that document, and a server parses it once per version. Immutable and shared by threads after
 * parsing.
 *
 * Ownership: everything belongs to the cache; rh_relation_cache_free() ends it.
 */
#ifndef RH_RELATION_H
#define RH_RELATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct rh_relation_cache rh_relation_cache;

/* How a column's text form becomes JSON. Arrays, composites, ranges and unknown types are turned into json by
 * SQL. */
typedef enum rh_json_form {
    RH_JSON_STRING,
    RH_JSON_NUMBER,
    RH_JSON_BOOL,
    RH_JSON_RAW,
    RH_JSON_TIMESTAMP,
    RH_JSON_TIMESTAMPTZ,
    RH_JSON_VIA_SQL
} rh_json_form;

/* SQL text of a type, usable in a cast: of pg_catalog without a schema, of other schemas with it, and of the
 * tenant schema (home) without it, since that schema has another name in every schema home. */
typedef struct rh_type {
    const char *text;
    bool home;
} rh_type;

typedef struct rh_column {
    const char *name;
    rh_type type;
    rh_json_form form;
    bool not_null, has_default, generated; /* generated: never written */
} rh_column;

typedef enum rh_set { RH_SET_REFERENCE, RH_SET_TENANT } rh_set;

typedef struct rh_relation {
    const char *name;
    rh_set set;     /* which schema of the naming it stands in */
    char kind;      /* pg_class.relkind: r p v */
    int tenant_key; /* index of the column that holds the tenant, -1 when there is none */
    bool is_root;   /* the table whose own id is the tenant */
    bool insertable, updatable, deletable; /* as the server role may; never for the reference set */
    rh_column *columns;
    int n_columns;
    int *primary_key; /* column indexes; without the tenant key, unless it is the whole key */
    int n_primary_key;
} rh_relation;

/* A key of tables holds for the views too that show its columns: each such pair is a key here, of the same
 * name. */
typedef struct rh_foreign_key {
    const char *name;
    const rh_relation *from, *to;
    int *from_columns, *to_columns; /* pairs; the tenant key among them where it is part of the key */
    int n;
    bool unique; /* the from side is unique: the reverse is one-to-one */
} rh_foreign_key;

typedef struct rh_argument {
    const char *name; /* "" for an unnamed one: it cannot be given by name */
    rh_type type;
    bool has_default, variadic;
    const rh_relation *row_of; /* NULL unless it takes a row of a known table or view */
} rh_argument;

typedef struct rh_function {
    const char *name;
    rh_set set;
    rh_argument *arguments; /* IN and INOUT arguments */
    int n_arguments;
    bool read_only; /* STABLE or IMMUTABLE */
    bool returns_set, returns_void;
    bool one_row;                        /* no set, or one of at most one row (ROWS 1) */
    const rh_relation *returns_relation; /* NULL unless it returns rows of a known table or view */
    const char *return_type;
    rh_json_form return_form;
    /* columns of RETURNS TABLE, OUT arguments or a composite type; n 0 for scalars and for returns_relation
     */
    rh_column *columns;
    int n_columns;
} rh_function;

/* Errors: RH_E_INVALID when the document is not what introspect.sql makes. */
rh_relation_cache *rh_relation_cache_parse(const char *json, size_t len, rh_err *err);
void rh_relation_cache_free(rh_relation_cache *c);

/* A name that stands in both sets means the tenant set's relation. */
const rh_relation *rh_relation_find(const rh_relation_cache *c, const char *name, size_t len);
int rh_relation_column(const rh_relation *r, const char *name, size_t len); /* -1 when absent */

/* Whole lists, in the order of the document; *n is set. */
const rh_relation *rh_relation_all(const rh_relation_cache *c, int *n);
const rh_foreign_key *rh_relation_foreign_keys(const rh_relation_cache *c, int *n);
const rh_function *rh_function_all(const rh_relation_cache *c, int *n);
/* All functions of the name (overloads), side by side; NULL and *n 0 when there is none. */
const rh_function *rh_function_find(const rh_relation_cache *c, const char *name, size_t len, int *n);

#endif
