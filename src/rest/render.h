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
/* One row as an object; no columns give {}. */
void rh_render_row(rh_str *out, const PGresult *res, int row, const rh_render_column *columns, int n);

#endif
