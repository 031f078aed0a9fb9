/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of a node's rows: items, embeds, spreads, groups, their order and which page of them.
 * Embeds are scalar sub-selects and not lateral joins, since PostgreSQL then makes them for the rows of the
 * page only, after ORDER BY and LIMIT.
 */
#ifndef RH_SQL_ROWS_H
#define RH_SQL_ROWS_H

#include "rest/sql_words.h"

/* Items as text columns of the answer, which render.c makes JSON of. */
void rh_put_top_items(rh_writer *w, const rh_node *n);
/* Items under their own names, as they are. */
void rh_put_named_items(rh_writer *w, const rh_node *n);
/* Behind the node's reference: its spread embeds, a lateral join each. */
void rh_put_spreads(rh_writer *w, const rh_node *n);
void rh_put_group(rh_writer *w, const rh_node *n);
void rh_put_order(rh_writer *w, const rh_node *n);
void rh_put_window(rh_writer *w, bool has_limit, int64_t limit, int64_t offset);

#endif
