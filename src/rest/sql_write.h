/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements that write, and those around them that make their rows the answer.
 */
#ifndef RH_SQL_WRITE_H
#define RH_SQL_WRITE_H

#include "rest/sql_words.h"

/* INSERT, UPDATE or DELETE, with what it answers. */
void rh_put_write(rh_writer *w);
/* A patch of nothing: no row is touched, but of /relation/key the row is the answer. */
void rh_put_nothing(rh_writer *w);
/* Behind `WITH w AS (`: the rows of a write or call, in w, become the answer. */
void rh_put_from_with(rh_writer *w);

#endif
