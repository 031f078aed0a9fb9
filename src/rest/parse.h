/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammars inside a URL's parameters, each from decoded text to its part of the query tree. After
 * docs.postgrest.org, v16. All results are the arena's; errors are RH_E_PARSE (PGRST100).
 */
#ifndef RH_PARSE_H
#define RH_PARSE_H

#include "base/err.h"
#include "base/str.h"

#include "rest/query.h"
#include "rest/scan.h"

/* `a,b:c->>d::text,rel!hint!inner(*)` */
bool rh_parse_select(rh_arena *a, const char *text, rh_query *out, rh_err *err);
/* `a.desc.nullslast,rel(b)` */
bool rh_parse_order(rh_arena *a, const char *text, rh_query *out, rh_err *err);
/* `a,"b"` of columns= and on_conflict=, which is the what of errors */
bool rh_parse_names(rh_arena *a, const char *what, const char *text, rh_names *out, rh_err *err);
/* `eq.5`, `not.in.(a,b)`: the operator and value of a filter whose field is known. */
bool rh_parse_operation(rh_arena *a, const char *text, rh_filter *out, rh_err *err);
/* `(a.eq.1,not.or(b.is.null))` of and= and or=; n_filters counts on, against the bound. */
bool rh_parse_logic(rh_arena *a, const char *text, rh_logic *out, int *n_filters, rh_err *err);
/* name and JSON path, `a->b->>0`, from the cursor on; in_list: `,` and `)` end it. */
bool rh_parse_field(rh_scan *s, rh_field *out);

/* Appends an element to an array literal that begins with '{'. */
void rh_parse_add_element(rh_str *array, const char *text);

#endif
