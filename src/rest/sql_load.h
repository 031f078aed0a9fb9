/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of CSV as arrays: one parameter a column, so that many rows go as one statement whose text stays the
 * same. That costs PostgreSQL half of what the rows as JSON do, and means the same: each text is read by its
 * type's own input function, and modifiers (a length, a precision) are the insert's to apply, which does not
 * cut off.
 *
 * How a column's array goes:
 *   LITERAL  unnest($2::type[]), an array literal
 *   TEXT     unnest($2::text[]), and so below, binary: texts as they are
 *   JSON     to_json(unnest($2::text[])): of json, as a text; also what the app reads from json by itself
 *   CAST     unnest($2::text[])::type: arrays, for there are none of arrays
 */
#ifndef RH_SQL_LOAD_H
#define RH_SQL_LOAD_H

#include "rest/sql_words.h"

typedef enum rh_load_form {
    RH_LOAD_NONE, /* not known to mean the same */
    RH_LOAD_LITERAL,
    RH_LOAD_TEXT,
    RH_LOAD_JSON,
    RH_LOAD_CAST
} rh_load_form;

rh_load_form rh_load_form_of(const rh_column *c);
/* The plan's rows may go so: one part, and each of its columns has a form. */
bool rh_sql_loads(const rh_plan *p);
/* The source of the insert: a parameter for each of the part's columns, in their order, without values. */
void rh_put_load(rh_writer *w, const rh_body_part *part);

#endif
