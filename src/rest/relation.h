/* SPDX-License-Identifier: Apache-2.0
 *
 * The relation cache: tables, views, columns, keys, foreign keys, functions and types of ONE version of the
 * app, the same for all tenants. sql/rest/introspect.sql reads it from a template as one JSON document, the
 * catalog stores that document, and a server parses it once per version. Immutable and shared by threads
 * after parsing. What it may say is what all tenants may know: nothing in it comes from rows.
 *
 * Documents of programs from before lack members; they are as if nothing was said.
 *
 * Ownership: everything belongs to the cache; rh_relation_cache_free() ends it. Texts are kept once each, so
 * that two columns of one name or type share it.
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
 * tenant schema (home) without it, since that schema has another name in every schema home. Names of
 * functions are given in the same way. Identifiers are quoted where they need it. */
typedef struct rh_type {
    const char *text; /* NULL: none */
    bool home;
} rh_type;

typedef struct rh_app_type rh_app_type;

/* What people want to know of a column; nothing that a statement needs. */
typedef struct rh_column_notes {
    const char *comment;      /* or NULL */
    const char *default_text; /* the expression, without the name of the home's schema; or NULL */
} rh_column_notes;

typedef struct rh_column {
    const char *name;
    rh_type type;
    const rh_app_type *app_type;  /* NULL: not of the app's own; of an array that of its elements */
    const rh_column_notes *notes; /* NULL: nothing is said */
    rh_json_form form;
    bool not_null, has_default, generated; /* generated: never written */
} rh_column;

/* An enum, domain, composite type or range of the app. */
struct rh_app_type {
    rh_type type;
    char kind; /* pg_type.typtype: e d c r */
    bool not_null;
    rh_json_form form;
    const char *comment, *default_text; /* or NULL */
    const char **labels;                /* of an enum, or of a domain of one, in order */
    int n_labels;
    rh_type base;       /* of a domain: what it is a domain of in the end, with its modifiers */
    rh_column *columns; /* of a composite type */
    int n_columns;
    /* Domain representations: the functions of implicit casts between the domain and json or text. */
    rh_type to_json, from_json, to_text, from_text;
    bool is_media;    /* a domain whose name is a media type: functions that return it make bodies */
    const char *name; /* without schema and quotes, as media type */
};

typedef struct rh_foreign_key rh_foreign_key;

typedef enum rh_set { RH_SET_REFERENCE, RH_SET_TENANT } rh_set;

/* What a relation takes by its kind, whoever asks. */
enum { RH_TAKES_UPDATE = 4, RH_TAKES_INSERT = 8, RH_TAKES_DELETE = 16 }; /* as pg_relation_is_updatable() */

typedef struct rh_relation {
    const char *name;
    rh_set set;     /* which schema of the naming it stands in */
    char kind;      /* pg_class.relkind: r p v */
    int tenant_key; /* index of the column that holds the tenant, -1 when there is none */
    bool is_root;   /* the table whose own id is the tenant */
    bool plain;     /* a table, or a view of such, that is read without any code of the app: policies, types,
                       functions */
    bool insertable, updatable, deletable; /* as the server role may; never for the reference set */
    int takes;                             /* RH_TAKES_*; 0 for the reference set */
    const char *comment;                   /* or NULL */
    rh_column *columns;
    int n_columns;
    int *primary_key; /* column indexes; without the tenant key, unless it is the whole key */
    int n_primary_key;
    const rh_foreign_key **keys_from, **keys_to; /* those that begin here, and that point here */
    int n_keys_from, n_keys_to;
} rh_relation;

/* A key of tables holds for the views too that show its columns: each such pair is a key here, of the same
 * name. */
struct rh_foreign_key {
    const char *name;
    const rh_relation *from, *to;
    int *from_columns, *to_columns; /* pairs; the tenant key among them where it is part of the key */
    int n;
    bool unique; /* the from side is unique: the reverse is one-to-one */
};

typedef struct rh_argument {
    const char *name; /* "" for an unnamed one: it cannot be given by name */
    rh_type type;
    const rh_app_type *app_type; /* as of a column */
    bool has_default, variadic;
    const rh_relation *row_of; /* NULL unless it takes a row of a known table or view */
} rh_argument;

/* Of a function's SET clauses. */
typedef struct rh_function_setting {
    const char *name, *value;
} rh_function_setting;

typedef struct rh_function {
    const char *name;
    rh_set set;
    rh_argument *arguments; /* IN and INOUT arguments */
    int n_arguments;
    bool read_only; /* STABLE or IMMUTABLE */
    bool returns_set, returns_void;
    bool one_row;                        /* no set, or one of at most one row (ROWS 1) */
    const rh_relation *returns_relation; /* NULL unless it returns rows of a known table or view */
    rh_type return_type;
    const rh_app_type *return_app_type; /* as of a column */
    rh_json_form return_form;
    const char *comment; /* or NULL */
    rh_function_setting *settings;
    int n_settings;
    int64_t timeout_ms; /* of its statement_timeout; -1: not understood, or none */
    /* columns of RETURNS TABLE, OUT arguments or a composite type; n 0 for scalars and for returns_relation
     */
    rh_column *columns;
    int n_columns;
} rh_function;

/* A media type handler: an aggregate over the rows of a relation, or of any, that gives a body. */
typedef struct rh_handler {
    rh_type function;
    const char *media;           /* as it is written in the name of its domain */
    const rh_relation *relation; /* NULL: any (anyelement) */
} rh_handler;

/* Settings of a request that the app's functions, policies and views look at: others need not be told. */
typedef enum rh_reads {
    RH_READS_HEADERS = 1, /* request.headers */
    RH_READS_COOKIES = 2,
    RH_READS_CLAIMS = 4, /* request.jwt.claims */
    RH_READS_METHOD = 8,
    RH_READS_PATH = 16,
    RH_READS_REQUEST = 31,
    RH_READS_RESPONSE = 32 /* response.headers or response.status is set */
} rh_reads;

/* Errors: RH_E_INVALID when the document is not what introspect.sql makes. */
rh_relation_cache *rh_relation_cache_parse(const char *json, size_t len, rh_err *err);
void rh_relation_cache_free(rh_relation_cache *c);

unsigned rh_relation_cache_reads(const rh_relation_cache *c); /* a set of rh_reads */

/* A name that stands in both sets means the tenant set's relation. */
const rh_relation *rh_relation_find(const rh_relation_cache *c, const char *name, size_t len);
int rh_relation_column(const rh_relation *r, const char *name, size_t len); /* -1 when absent */

/* Whole lists, in the order of the document; *n is set. */
const rh_relation *rh_relation_all(const rh_relation_cache *c, int *n);
const rh_foreign_key *rh_relation_foreign_keys(const rh_relation_cache *c, int *n);
const rh_function *rh_function_all(const rh_relation_cache *c, int *n);
const rh_app_type *rh_app_type_all(const rh_relation_cache *c, int *n);
const rh_handler *rh_handler_all(const rh_relation_cache *c, int *n);
/* PostGIS' function that makes GeoJSON of a row; its text is NULL where there is none. */
const rh_type *rh_relation_cache_geojson(const rh_relation_cache *c);
const char *rh_relation_cache_comment(const rh_relation_cache *c); /* of the tenant schema, or NULL */
uint64_t rh_relation_cache_serial(const rh_relation_cache *c);     /* no other of this process ever has it */
size_t rh_relation_cache_size(const rh_relation_cache *c);         /* bytes */
/* All functions of the name (overloads), side by side; NULL and *n 0 when there is none. */
const rh_function *rh_function_find(const rh_relation_cache *c, const char *name, size_t len, int *n);

#endif
