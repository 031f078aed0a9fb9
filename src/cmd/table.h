/* SPDX-License-Identifier: Apache-2.0
 *
 * A query's result as a table for people: aligned columns, numbers to the right.
 */
#ifndef RH_TABLE_H
#define RH_TABLE_H

#include <libpq-fe.h>
#include <stdio.h>

void rh_table_print(const PGresult *res, FILE *out, const char *indent, int max_rows);

#endif
