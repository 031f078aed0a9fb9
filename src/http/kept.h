/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that is kept to be sent again and again: gzip, never changed, shared by all loops. Whoever takes no
 * gzip gets it unpacked piece by piece, so that the whole is in nobody's memory.
 *
 * Any thread. Ownership: by counted uses; rh_kept_new() gives the first.
 */
#ifndef RH_KEPT_H
#define RH_KEPT_H

#include "base/str.h"
#include "http/etag.h"

typedef struct rh_kept {
    const char *gzip;
    size_t len, plain_len;
    char etag[RH_ETAG_SIZE];
} rh_kept;

/* Takes the bytes of a gzip, which unpacks to plain_len bytes of the type. */
rh_kept *rh_kept_new(rh_str *gzip, size_t plain_len, const char *content_type);
rh_kept *rh_kept_use(rh_kept *k); /* one use more */
void rh_kept_leave(rh_kept *k);   /* one use less; the last frees it. NULL is allowed */

/* One reader of the plain text, on one thread. It takes about 40 KiB. */
typedef struct rh_unpacker rh_unpacker;
rh_unpacker *rh_unpacker_new(rh_kept *k); /* takes over a use */
/* Up to max of the next bytes; 0: something is wrong with them, or there are no more. */
size_t rh_unpacker_read(rh_unpacker *u, char *to, size_t max);
void rh_unpacker_free(rh_unpacker *u);

#endif
