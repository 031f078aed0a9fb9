/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements that read the root's rows, of a relation or a function.
 */
#ifndef RH_SQL_READ_H
#define RH_SQL_READ_H

#include "rest/sql_words.h"

/* Which items of the rows: rh_put_top_items, or one of these. */
void rh_put_one(rh_writer *w, const rh_node *n);
void rh_put_whole_row(rh_writer *w, const rh_node *n);

/* The root's rows, as records of one column or with named columns, for rh_put_body_begin() and _end(), which
 * stand around the statement: how many rows there are, and what the plan's function makes of them. */
void rh_put_body_rows(rh_writer *w, const rh_node *n);
void rh_put_body_begin(rh_writer *w);
void rh_put_body_end(rh_writer *w);

/* ` FROM rel AS t0`, or the call. */
void rh_put_source(rh_writer *w);
/* The rows, without order and page; and with them. */
void rh_put_select(rh_writer *w, void (*items)(rh_writer *, const rh_node *));
void rh_put_read(rh_writer *w, void (*items)(rh_writer *, const rh_node *));

#endif
