/* SPDX-License-Identifier: Apache-2.0
 *
 * A CSV scanner (RFC 4180, as PostgreSQL's COPY reads it: comma, double quotes, quotes doubled) that looks at
 * records while their bytes go by to COPY unchanged. It finds the fields of a record; it makes no copy of a
 * file.
 */
#ifndef RH_CSV_H
#define RH_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RH_CSV_MAX_FIELDS 10000 /* of a record: each takes more memory than its bytes */

typedef struct rh_csv_field {
    const char *text; /* as it stands in the file, without the outer quotes; doubled quotes not undone */
    size_t len;
    bool quoted; /* an unquoted empty field is NULL */
} rh_csv_field;

typedef struct rh_csv_record {
    rh_csv_field *fields;
    size_t n;
    int64_t line;    /* where it begins, from 1 */
    const char *raw; /* the whole record with its line end */
    size_t raw_len;
} rh_csv_record;

typedef struct rh_csv rh_csv;

rh_csv *rh_csv_new(void);
void rh_csv_free(rh_csv *c);

/* Scans one record from bytes[0..n). `last`: no more bytes will follow. 1: a record (valid until the next
 * call; take raw_len bytes), 0: more bytes are needed, or the end when last; -1: err (a quote that is never
 * closed; one inside an unquoted field, where COPY would read on to the next one; too many fields);
 * rh_csv_line() is its line. */
int rh_csv_next(rh_csv *c, const char *bytes, size_t n, bool last, rh_csv_record *out, rh_err *err);
int64_t rh_csv_line(const rh_csv *c); /* where the next record begins */

#endif
