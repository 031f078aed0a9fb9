/* SPDX-License-Identifier: Apache-2.0
 *
 * The linter's model: the tables, keys and foreign keys that the migrations so far have made, and where.
 * Columns and tables are pointed at, not named, so that renaming needs no care. Internal to lint*.c.
 *
 * Ownership: everything lives in the model's arena.
 */
#ifndef RH_LINT_MODEL_H
#define RH_LINT_MODEL_H

#include "migrate/lint.h"

#define RH_LINT_HOME_SCHEMA "public"
#define RH_LINT_REFERENCE_SCHEMA "reference"

typedef enum rh_lint_set {
    RH_LINT_SET_REFERENCE,
    RH_LINT_SET_TENANT,
    RH_LINT_SET_TEMP,
    RH_LINT_SET_OTHER
} rh_lint_set;

typedef struct rh_lint_place {
    const rh_migration *file;
    size_t order; /* of the file */
    size_t at;    /* byte offset in the file's text */
} rh_lint_place;

typedef struct rh_lint_column {
    const char *name;
    const char *type; /* bigint, integer, text, ...; an app's own as an SQL name */
    bool not_null;
    rh_lint_place at;      /* its definition, or the DROP NOT NULL that changed it */
    rh_lint_place type_at; /* its definition, or the ALTER TYPE that changed it */
} rh_lint_column;

typedef RH_VEC(rh_lint_column *) rh_lint_columns;

typedef enum rh_lint_key_kind {
    RH_LINT_PRIMARY,
    RH_LINT_UNIQUE,
    RH_LINT_INDEX,
    RH_LINT_EXCLUDE
} rh_lint_key_kind;

typedef struct rh_lint_deferral {
    bool deferrable, initially_deferred;
} rh_lint_deferral;

typedef struct rh_lint_key {
    rh_lint_key_kind kind;
    const char *name;
    rh_lint_columns columns; /* that make rows unique; of an exclusion: those compared with = */
    rh_lint_columns include;
    bool partial; /* an expression or unknown column is among the parts */
    bool nulls_not_distinct;
    rh_lint_deferral deferral;
    const char *method, *parts,
        *tail; /* source text of an index or exclusion: USING x, between ( and ), behind */
    rh_lint_place at;
} rh_lint_key;

typedef struct rh_lint_table rh_lint_table;

typedef struct rh_lint_fk {
    const char *name;
    rh_lint_columns from, to;
    rh_lint_columns set_columns; /* of ON DELETE SET NULL (a, b) */
    rh_lint_table *target;       /* NULL: no such table (yet) */
    const char *target_schema, *target_name;
    char match, on_update, on_delete; /* as pg_constraint has them: a r c n d; match s f */
    rh_lint_deferral deferral;
    rh_lint_place at;
} rh_lint_fk;

struct rh_lint_table {
    rh_lint_set set, made_by;
    const char *schema; /* as written, NULL when not */
    const char *name;
    char kind; /* r table, v view, m materialized view, f foreign table */
    bool partitioned;
    rh_lint_table *parent; /* it is a partition of, created as such: the columns are the parent's */
    const char *unproven;  /* the clause that hides what it consists of, else NULL */
    rh_lint_columns columns;
    RH_VEC(rh_lint_key *) keys;
    RH_VEC(rh_lint_fk *) fks;
    rh_lint_place at, schema_at; /* its name where it was made, or lost its key; SET SCHEMA */
    bool rls_disabled, rls_unforced;
    rh_lint_place rls_at;
    bool invoker; /* a view's security_invoker */
};

typedef struct rh_lint_function {
    const char *schema, *name, *arguments; /* arguments: types, as in ALTER ROUTINE f(...) */
    bool definer, pinned;
    rh_lint_place at;
} rh_lint_function;

typedef struct rh_lint_public_grant {
    const char *object, *privileges; /* texts to compare by */
    const char *fix;
    rh_lint_place at;
} rh_lint_public_grant;

typedef struct rh_lint_model {
    rh_arena *arena;
    const rh_conf *conf;
    const char *id_type; /* bigint, uuid */
    rh_lint_report *report;
    RH_VEC(rh_lint_table *) tables;
    RH_VEC(rh_lint_function *) functions;
    RH_VEC(rh_lint_public_grant *) grants;
    /* where the walk is */
    bool has_gaps;   /* a statement was not understood: what it makes is not in the model */
    rh_lint_set set; /* whose migrations are running */
    const rh_migration *file;
    size_t order;
    const char *text;      /* the statement, NUL-terminated */
    size_t offset;         /* of it in the file */
    const char *on_create; /* on_create.sql as written, while it is judged; else NULL */
} rh_lint_model;

/* Adds a finding. message as in rh_err; fix and rewrite may be NULL. */
void rh_lint_report_add(rh_lint_model *m, rh_lint_rule rule, rh_lint_place at, const char *fix,
                        const char *rewrite, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The place of a byte offset in the statement at hand. */
rh_lint_place rh_lint_here(const rh_lint_model *m, size_t at);

/* ---- lint_model.c: what there is ---- */

rh_lint_set rh_lint_set_of(const rh_lint_model *m, const char *schema); /* NULL: the set that is running */
/* As PostgreSQL would find it from the set that is running; NULL when there is none. */
rh_lint_table *rh_lint_table_find(const rh_lint_model *m, const char *schema, const char *name);
rh_lint_table *rh_lint_table_add(rh_lint_model *m, rh_lint_set set, const char *schema, const char *name,
                                 char kind);
void rh_lint_table_drop(rh_lint_model *m, rh_lint_table *t);
rh_lint_columns *rh_lint_table_columns(rh_lint_table *t); /* a partition's are its parent's */
rh_lint_column *rh_lint_column_find(rh_lint_table *t, const char *name);
void rh_lint_column_drop(rh_lint_model *m, rh_lint_table *t, rh_lint_column *c);
bool rh_lint_columns_have(const rh_lint_columns *v, const rh_lint_column *c);
rh_lint_key *rh_lint_primary_key(const rh_lint_table *t);
rh_lint_key *rh_lint_index_find(const rh_lint_model *m, const char *schema, const char *name,
                                rh_lint_table **of);
void rh_lint_key_drop(rh_lint_model *m, rh_lint_table *t, rh_lint_key *k); /* foreign keys on it go too */
bool rh_lint_fk_uses(const rh_lint_fk *fk, const rh_lint_table *t, const rh_lint_key *k);
/* The name PostgreSQL would choose, within 63 bytes and different from those of t: table_columns_suffix.
 * columns may be NULL. */
const char *rh_lint_default_name(rh_lint_model *m, const rh_lint_table *t, const char *columns,
                                 const char *suffix);

bool rh_lint_is_root(const rh_lint_model *m, const rh_lint_table *t);
/* The column that holds the tenant: the tenant key; in the root also its own id. NULL when there is none. */
rh_lint_column *rh_lint_tenant_column(const rh_lint_model *m, rh_lint_table *t);

/* ---- one statement's effect on the model; body is a node of the parse tree ---- */
struct json_t;
/* lint_apply.c: tables, views; calls the others */
void rh_lint_apply(rh_lint_model *m, const char *kind, const struct json_t *body);
rh_lint_table *rh_lint_range_find(const rh_lint_model *m, const struct json_t *range); /* of a RangeVar */
/* lint_column.c: columns, constraints, indexes */
const char *rh_lint_type_name(rh_lint_model *m, const struct json_t *type); /* as SQL; int8 is bigint */
void rh_lint_add_elements(rh_lint_model *m, rh_lint_table *t, const struct json_t *elements);
void rh_lint_add_column(rh_lint_model *m, rh_lint_table *t, const struct json_t *def);
void rh_lint_add_constraint(rh_lint_model *m, rh_lint_table *t, const struct json_t *con);
void rh_lint_create_index(rh_lint_model *m, const struct json_t *s);
size_t rh_lint_behind_name(const char *text, size_t at); /* a qualified name that begins at or after `at` */
/* lint_grant.c: functions that run as their owner, grants to PUBLIC */
void rh_lint_create_function(rh_lint_model *m, const struct json_t *s);
void rh_lint_alter_function(rh_lint_model *m, const struct json_t *s);
void rh_lint_drop_function(rh_lint_model *m, const struct json_t *object);
void rh_lint_grant_privileges(rh_lint_model *m, const struct json_t *s);
void rh_lint_grant_defaults(rh_lint_model *m, const struct json_t *s);

/* ---- lint_statement.c: what a statement may not do, wherever it stands ---- */
void rh_lint_statement(rh_lint_model *m, const char *kind, const struct json_t *body);

/* ---- lint_citus.c: what Citus cannot do; nothing where app.citus is off ---- */
void rh_lint_citus(rh_lint_model *m, const char *kind, const struct json_t *body);

/* ---- lint_final.c: judges what the model holds at the end ---- */
void rh_lint_final(rh_lint_model *m);

/* ---- lint_fix.c: the SQL that mends; NULL where no statement can ---- */
const char *rh_lint_fix_key_missing(rh_lint_model *m, const rh_lint_table *t, const rh_lint_table *root);
const char *rh_lint_fix_key_type(rh_lint_model *m, const rh_lint_table *t, const rh_lint_column *c);
const char *rh_lint_fix_not_null(rh_lint_model *m, const rh_lint_table *t, const rh_lint_column *c);
const char *rh_lint_fix_root_key(rh_lint_model *m, rh_lint_table *root, const rh_lint_column *id);
const char *rh_lint_fix_root_missing(rh_lint_model *m);
const char *rh_lint_fix_definer(rh_lint_model *m, const rh_lint_function *f);
const char *rh_lint_fix_unique(rh_lint_model *m, rh_lint_table *t, const rh_lint_key *k,
                               const rh_lint_column *key);
const char *rh_lint_rewrite_unique(rh_lint_model *m, const rh_lint_table *t, const rh_lint_key *k,
                                   const rh_lint_column *key);
const char *rh_lint_fix_fk(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk);
const char *rh_lint_rewrite_fk(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk);
const char *rh_lint_fix_drop_constraint(rh_lint_model *m, const rh_lint_table *t, const char *name);
const char *rh_lint_fix_relation(rh_lint_model *m, const char *before, const rh_lint_table *t,
                                 const char *after);

#endif
