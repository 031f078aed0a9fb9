/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON text on the hot path. Reading is jansson's work.
 */
#ifndef RH_JSON_H
#define RH_JSON_H

#include "base/str.h"

/* "text" with quotes, escaped as RFC 8259 asks. The bytes are taken to be UTF-8. */
void rh_json_add_string(rh_str *out, const char *text, size_t n);

#endif
