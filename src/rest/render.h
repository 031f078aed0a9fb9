/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of text columns to JSON, as PostgreSQL's to_json() would write them.
 */
#ifndef RH_RENDER_H
#define RH_RENDER_H

#include <libpq-fe.h>

#include "base/str.h"

#include "rest/relation.h"

typedef struct rh_render_column {
    const char *lead; /* what stands before the value: `{"id":` or `,"name":` */
    size_t lead_len;
    rh_json_form form;
} rh_render_column;

/* One value of a row, or null. */
void rh_render_value(rh_str *out, const char *text, size_t n, rh_json_form form);
/* The bytes of a bytea as PostgreSQL writes it (\\x00ff); anything else as it is. */
void rh_render_bytes(rh_str *out, const char *text, size_t n);
/* One row as an object; no columns give {}. strip: columns that are null are left out. */
void rh_render_row(rh_str *out, const PGresult *res, int row, const rh_render_column *columns, int n,
                   bool strip);
/* One row as a line of CSV, as COPY writes it: null is nothing, the empty text is "". */
void rh_render_csv_row(rh_str *out, const PGresult *res, int row, int n);
void rh_render_csv_value(rh_str *out, const char *text, size_t n);

#endif
