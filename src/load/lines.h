/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a record that PostgreSQL complains about stands in the file. COPY counts lines in its own way: a line
 * break inside quotes counts only when it is the one that ends the file's records, and never in the first
 * record. Files with CRLF at the ends and LF in their texts, as spreadsheets write them, would be off by more
 * and more.
 */
#ifndef RH_LINES_H
#define RH_LINES_H

#include "load/csv.h"

typedef struct rh_lines rh_lines;

rh_lines *rh_lines_new(void);
void rh_lines_free(rh_lines *l);

/* Every record, in order; gives the line that COPY would say it is. */
int64_t rh_lines_note(rh_lines *l, const rh_csv_record *r);
/* The line where the record begins in which COPY says its line `counted` is. */
int64_t rh_lines_find(const rh_lines *l, int64_t counted);

#endif
