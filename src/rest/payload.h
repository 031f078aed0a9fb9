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
/* The text as JSON; the arena's. JSON itself is given back. RH_E_BODY. */
const char *rh_payload_json(rh_arena *a, rh_payload type, const char *text, size_t *len, rh_err *err);

#endif
