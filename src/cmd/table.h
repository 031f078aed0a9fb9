/* SPDX-License-Identifier: Apache-2.0
 *
 * A query's result as a table for people: aligned columns, numbers to the right.
 */
#ifndef RH_TABLE_H
#define RH_TABLE_H

#include <libpq-fe.h>
#include <stdio.h>

void rh_table_print(const PGresult *res, FILE *out, const char *indent, int max_rows);

/* In parts, for rows that come in portions: widths (the caller's to free) by the first one. */
int *rh_table_widths(const PGresult *res, int max_rows);
void rh_table_line(const PGresult *res, int row /* -1: the heads */, FILE *out, const int *widths);

#endif
