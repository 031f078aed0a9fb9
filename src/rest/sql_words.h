/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of statements: a writer, and what it puts down of names, types and parameters. The other sql_*.c
 * make phrases of them; only sql.h is for the rest of the program. Its two rules hold for each function here.
 *
 * Ownership: text and values are the request's arena's. A passed bound is noted in the writer and told by
 * rh_sql_*.
 */
#ifndef RH_SQL_WORDS_H
#define RH_SQL_WORDS_H

#include "rest/plan.h"

typedef struct rh_writer {
    rh_str text;
    const rh_plan *plan;
    rh_arena *arena;
    RH_VEC(const char *) values;
    bool overflow;
    bool from_with; /* the root's rows are read from w, as records */
} rh_writer;

static inline void rh_put(rh_writer *w, const char *text)
{
    rh_str_add(&w->text, text);
}

void rh_put_param(rh_writer *w, const char *value);
void rh_put_number(rh_writer *w, int64_t n); /* a parameter; not negative */
void rh_put_tenant(rh_writer *w);            /* the tenant's id, $1 */
void rh_put_schema(rh_writer *w, rh_set set);
void rh_put_relation(rh_writer *w, const rh_relation *r);
void rh_put_type(rh_writer *w, const rh_type *t);
/* The name of a node in the statement: t of its rows, j of its junction, r and s of its rows as an embed and
 * a spread. */
void rh_put_alias(rh_writer *w, char kind, const rh_node *n);
void rh_put_column(rh_writer *w, const rh_node *n, int column);
void rh_put_junction_column(rh_writer *w, const rh_node *n, int column);
/* A text of the client's as a value of the column (NULL: of none), read as its domain has it read. */
void rh_put_operand(rh_writer *w, const rh_column *column, const char *value);
/* The same of the elements of an array literal. */
void rh_put_operands(rh_writer *w, const rh_column *column, const char *values);
/* `x.column` of a JSON body, likewise; and the type that it has in the body. */
void rh_put_given(rh_writer *w, const rh_column *column);
void rh_put_given_type(rh_writer *w, const rh_column *column);
/* f(row of n) */
void rh_put_function_of_row(rh_writer *w, const rh_function *f, const rh_node *n);

#endif
