/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that come in portions, printed as they come: a table for people, CSV (RFC 4180) or a JSON array.
 */
#ifndef RH_PRINT_ROWS_H
#define RH_PRINT_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

typedef enum rh_row_format { RH_ROWS_TABLE, RH_ROWS_CSV, RH_ROWS_JSON } rh_row_format;

typedef struct rh_row_printer {
    rh_row_format format;
    FILE *out;
    int64_t rows; /* so far */
    bool begun;
    int *widths;
} rh_row_printer;

/* A portion; all have the same columns. IO when out takes no more. */
bool rh_rows_print(rh_row_printer *p, const PGresult *rows, rh_err *err);
/* What stands behind the last row. */
bool rh_rows_end(rh_row_printer *p, rh_err *err);

#endif
