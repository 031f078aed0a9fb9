/* SPDX-License-Identifier: Apache-2.0
 *
 * What a body is, by its Content-Type, and CSV and form bodies as the JSON they stand for: objects of
 * strings, which PostgreSQL reads as the columns' types. As PostgREST has it, a CSV field that says NULL is
 * null and an empty one is the empty text.
 */
#ifndef RH_PAYLOAD_H
#define RH_PAYLOAD_H

#include "base/arena.h"
#include "base/err.h"
#include "load/csv.h"

typedef enum rh_payload {
    RH_PAYLOAD_JSON,
    RH_PAYLOAD_CSV,
    RH_PAYLOAD_FORM,
    RH_PAYLOAD_TEXT, /* the last three are for functions of one unnamed parameter only */
    RH_PAYLOAD_XML,
    RH_PAYLOAD_BYTES
} rh_payload;

/* JSON when the header is not there. RH_E_BODY for other types. */
bool rh_payload_type(const char *content_type, rh_payload *out, rh_err *err);
/* The text as JSON; the arena's. JSON itself is given back. line: what its first line is called, 1 unless it
 * is a part. RH_E_BODY. */
const char *rh_payload_json(rh_arena *a, rh_payload type, const char *text, size_t *len, int64_t line,
                            rh_err *err);

/* A field of CSV is null. */
bool rh_payload_is_null(const rh_csv_field *f);
/* Its text, with doubled quotes undone, behind what is there. */
void rh_payload_add_field(rh_str *out, const rh_csv_field *f);
bool rh_payload_uneven(const rh_csv_record *r, size_t n_names, int64_t line, rh_err *err);

#endif
