/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON text, on the hot path and for documents too large to be built as values first. Reading is
 * jansson's work.
 */
#ifndef RH_JSON_H
#define RH_JSON_H

#include "base/str.h"

/* "text" with quotes, escaped as RFC 8259 asks. The bytes are taken to be UTF-8. */
void rh_json_add_string(rh_str *out, const char *text, size_t n);

/* Writes one JSON text member by member and minds the commas. key is NULL within an array and for the whole;
 * a text that is NULL is no member at all. */
typedef struct rh_json_writer {
    rh_str *out;
    bool comma;
} rh_json_writer;

void rh_json_open(rh_json_writer *w, const char *key, char bracket); /* { or [ */
void rh_json_close(rh_json_writer *w, char bracket);                 /* } or ] */
void rh_json_put(rh_json_writer *w, const char *key, const char *text);
void rh_json_put_int(rh_json_writer *w, const char *key, int64_t value);
void rh_json_put_bool(rh_json_writer *w, const char *key, bool value);
void rh_json_put_raw(rh_json_writer *w, const char *key, const char *json); /* a JSON text, as it is */

#endif
