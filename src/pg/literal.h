/* SPDX-License-Identifier: Apache-2.0
 *
 * A statement with its first parameter written out. On Citus that makes a difference: of a prepared statement
 * whose distribution key is a parameter a worker makes the shard's plan at each execution, of one with a
 * literal it keeps it.
 */
#ifndef RH_LITERAL_H
#define RH_LITERAL_H

#include "base/str.h"

/* Appends to out, and $2 becomes $1, and so on. False: the text holds what this cannot read (comments,
 * backslashes, dollar quotes: no statement of ours does), or a quote that does not end; out is of no use. */
bool rh_literal_first(rh_str *out, const char *text, size_t len, const char *literal);

#endif
