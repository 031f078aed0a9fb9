/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows of a node a statement is about: the tenant's, those its link to the parent brings, those the
 * client filtered.
 */
#ifndef RH_SQL_WHERE_H
#define RH_SQL_WHERE_H

#include "rest/sql_words.h"

void rh_put_field(rh_writer *w, const rh_node *n, const rh_field *f);
/* The word before the next condition: " WHERE " once, then " AND ". */
void rh_put_and(rh_writer *w, bool *begun);
/* All conditions. */
void rh_put_where(rh_writer *w, const rh_node *n);
/* Those of its own, and those that its inner embeds make: a write's RETURNING knows the first only. */
void rh_put_own_conditions(rh_writer *w, const rh_node *n, bool *begun);
void rh_put_inner_embeds(rh_writer *w, const rh_node *n, bool *begun);
/* What stands behind FROM for an embed: `rel AS t1`, with its junction, or a function of the parent's row. */
void rh_put_reference(rh_writer *w, const rh_node *n);

#endif
