/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse lint`: proves from the migrations alone that every table of the tenant set keeps tenants apart.
 * The files are followed in order over a small model of tables, keys and foreign keys, as PostgreSQL would
 * apply them; what the model holds at the end is judged, and each finding points at the place in the files
 * that caused it. Statements that have no business in a migration are found on the way.
 *
 *   files -> script.c (statements) -> libpg_query (JSON tree) -> lint_apply.c -> lint_model.c
 *                                              `-> lint_statement.c                  `-> lint_final.c,
 * lint_fix.c
 *
 * What it cannot follow it says: DO blocks, syntax newer than PostgreSQL 15's grammar, tables made from other
 * tables.
 *
 * Ownership: the report lives in the arena; the sets and the conf must live as long.
 */
#ifndef RH_LINT_H
#define RH_LINT_H

#include <stdio.h>

#include "conf/conf.h"
#include "migrate/set.h"

/* X(name, severity, code, what it demands). To add one: a row here, the check in lint_final.c or
 * lint_statement.c, a case in tests/cases/lint.txt (a test fails without one). Codes are stable: people grep
 * for them. */
/* clang-format off */
#define RH_LINT_RULES(X)                                                                                               \
    X(ROOT_MISSING, ERROR, "root-missing", "the tenant set makes the root table")                                      \
    X(ROOT_KEY, ERROR, "root-key", "the root's primary key is its id alone")                                           \
    X(KEY_MISSING, ERROR, "key-missing", "every table of the tenant set has the tenant key")                           \
    X(KEY_NULLABLE, ERROR, "key-nullable", "the tenant key is NOT NULL")                                               \
    X(KEY_TYPE, ERROR, "key-type", "the tenant key and the root's id have the type of app.id_type")                    \
    X(KEY_NARROW, WARNING, "key-narrow", "the tenant key is as wide as app.id_type")                                   \
    X(UNIQUE_WITHOUT_KEY, ERROR, "unique-without-key", "primary keys, unique constraints and indexes include the key") \
    X(EXCLUDE_WITHOUT_KEY, ERROR, "exclude-without-key", "exclusion constraints compare the key with =")               \
    X(FK_WITHOUT_KEY, ERROR, "fk-without-key", "foreign keys between tenant tables pair key with key")                 \
    X(FK_TO_ROOT, ERROR, "fk-to-root", "a foreign key to the root pairs the key with the root's id")                   \
    X(FK_FROM_REFERENCE, ERROR, "fk-from-reference", "reference tables do not point to tenant tables")                 \
    X(FK_NULLS_KEY, WARNING, "fk-nulls-key", "ON DELETE SET NULL and SET DEFAULT leave the key alone")                 \
    X(FK_UNKNOWN_TABLE, WARNING, "fk-unknown-table", "foreign keys refer to tables that the migrations make")          \
    X(UNPROVEN, ERROR, "unproven", "tables of the tenant set are written out: no LIKE, INHERITS, OF, AS SELECT")       \
    X(OTHER_SCHEMA, ERROR, "other-schema", "each set makes tables in its own schema only")                             \
    X(NO_ROW_SECURITY, ERROR, "no-row-security", "no materialized views or foreign tables in the tenant set")          \
    X(RLS_OFF, ERROR, "rls-off", "row security and Rowhouse's policies stay as they are")                              \
    X(GRANT_PUBLIC, ERROR, "grant-public", "nothing is granted to PUBLIC")                                             \
    X(OWNER, ERROR, "owner", "owners are not changed: the fitting sets them")                                          \
    X(SET_ROLE, ERROR, "set-role", "a migration keeps its role")                                                       \
    X(TRANSACTION_CONTROL, ERROR, "transaction-control", "no BEGIN, COMMIT, ROLLBACK: Rowhouse does that")             \
    X(NEEDS_NO_TRANSACTION, ERROR, "needs-no-transaction", "what cannot run in a transaction says so")                 \
    X(ON_CREATE, ERROR, "on-create", "on_create.sql only reads and writes rows")                                       \
    X(ON_CREATE_ROOT, WARNING, "on-create-root", "on_create.sql inserts the tenant's row into the root")               \
    X(UNTERMINATED, ERROR, "unterminated", "quotes and comments end")                                                  \
    X(TOO_COMPLEX, ERROR, "too-complex", "statements are short and flat enough to be read")                            \
    X(OWN_POLICY, WARNING, "own-policy", "policies of the app only narrow what Rowhouse's allows")                     \
    X(VIEW_OWNER, WARNING, "view-owner", "views run as their caller")                                                  \
    X(DEFINER_PATH, WARNING, "definer-path", "SECURITY DEFINER functions pin search_path")                             \
    X(CITUS, ERROR, "citus", "with app.citus: nothing that Citus cannot do")                                           \
    X(CITUS_FUNCTION, WARNING, "citus-function", "with app.citus: functions with parameters are PL/pgSQL")             \
    X(NOT_UNDERSTOOD, WARNING, "not-understood", "the syntax is known to PostgreSQL 15's grammar")                     \
    X(NOT_CHECKED, WARNING, "not-checked", "no DDL is hidden in DO blocks")
/* clang-format on */

typedef enum rh_lint_rule {
#define X(name, severity, code, demand) RH_LINT_##name,
    RH_LINT_RULES(X)
#undef X
        RH_LINT_RULE_COUNT
} rh_lint_rule;

typedef enum rh_lint_severity { RH_LINT_ERROR, RH_LINT_WARNING } rh_lint_severity;

const char *rh_lint_code(rh_lint_rule rule);
const char *rh_lint_demand(rh_lint_rule rule);

typedef struct rh_lint_finding {
    rh_lint_rule rule;
    const char *path;
    size_t order;        /* of the file, in the order they are applied */
    int line, column;    /* from 1; 0 when no file is to blame */
    const char *source;  /* the line, or the part of a long one around the column */
    int caret;           /* characters of source before the column */
    const char *message; /* as in rh_err */
    const char *fix; /* SQL that mends it when it stands in a new migration; NULL when no statement does */
    const char
        *rewrite; /* what to write in place of what stands there, while the file is not applied; or NULL */
} rh_lint_finding;

typedef struct rh_lint_report {
    rh_lint_finding *items; /* in the order of files, lines, columns */
    size_t len, cap;
    size_t errors, warnings;
} rh_lint_report;

/* on_create: the text of tenant/on_create.sql or NULL. True when it could be judged, whatever was found;
 * RH_E_INVALID for texts that are no UTF-8. */
bool rh_lint(rh_arena *a, const rh_conf *conf, const rh_migration_set *reference,
             const rh_migration_set *tenant, const char *on_create, rh_lint_report *out, rh_err *err);

/* file:line:col: error: message [code], the line with a caret, the fix; the counts at the end. */
void rh_lint_print(const rh_lint_report *report, FILE *out, bool colour);

#endif
