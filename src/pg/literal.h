/* SPDX-License-Identifier: Apache-2.0
 *
 * A statement with parameters written out. On Citus the first one's makes a difference: of a prepared
 * statement whose distribution key is a parameter a worker makes the shard's plan at each execution, of one
 * with a literal it keeps it. And COPY takes no parameters at all.
 *
 * False from all: the text holds what this cannot read (comments, backslashes, dollar quotes: no statement of
 * ours does), a quote that does not end, or a parameter that is not there; out is of no use then.
 */
#ifndef RH_LITERAL_H
#define RH_LITERAL_H

#include "base/str.h"

/* Appends to out, and $2 becomes $1, and so on. */
bool rh_literal_first(rh_str *out, const char *text, size_t len, const char *literal);
/* All of n values, each as a literal of no known type, as a parameter is; NULL is NULL. */
bool rh_literal_all(rh_str *out, const char *text, size_t len, int n, const char *const *values);

#endif
