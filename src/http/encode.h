/* SPDX-License-Identifier: Apache-2.0
 *
 * Content codings of answers: which one a client wants (RFC 9110, 12.5.3), and gzip (zlib) and br (brotli) of
 * bytes as they come. An encoder takes about 300 KiB (gzip) or 1 MiB (br).
 *
 * All on one thread. Ownership: rh_encoder_new() to rh_encoder_free().
 */
#ifndef RH_ENCODE_H
#define RH_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef enum rh_coding { RH_CODING_NONE, RH_CODING_GZIP, RH_CODING_BR } rh_coding;

/* The one of the highest q that there is, br before gzip; NONE also for a header that cannot be read. NULL:
 * NONE. */
rh_coding rh_coding_of(const char *accept_encoding);
/* Whether the client takes this one, and likes plain text no better. */
bool rh_coding_is_taken(const char *accept_encoding, rh_coding coding);
const char *rh_coding_name(rh_coding coding); /* for Content-Encoding */
/* Text, of which an encoding is much shorter. */
bool rh_coding_pays(const char *content_type);

typedef struct rh_encoder rh_encoder;

rh_encoder *rh_encoder_new(rh_coding coding);
/* Appends what there is of n more bytes to out; with `last` all that is left. */
void rh_encoder_add(rh_encoder *e, const char *bytes, size_t n, bool last, rh_str *out);
void rh_encoder_free(rh_encoder *e); /* NULL is allowed */

#endif
