/* SPDX-License-Identifier: Apache-2.0
 *
 * base64url without padding (RFC 4648, section 5), as tokens use it. The conversion itself is OpenSSL's.
 */
#ifndef RH_BASE64URL_H
#define RH_BASE64URL_H

#include <stddef.h>

#include "base/arena.h"

/* The bytes in the arena with a NUL behind them; NULL when the text is not the one spelling of its bytes:
 * padding, white space, other characters and unused bits that are not zero are all refused. */
unsigned char *rh_base64url_decode(rh_arena *a, const char *text, size_t n, size_t *len);
char *rh_base64url_encode(rh_arena *a, const void *bytes, size_t n);

#endif
