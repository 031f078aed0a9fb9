/* SPDX-License-Identifier: Apache-2.0 */
#include "http/kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* + 16: gzip's own head and tail */

struct kept {
    rh_kept shown;
    atomic_int uses;
};

struct rh_unpacker {
    rh_kept *text;
    z_stream zlib;
};

rh_kept *rh_kept_new(rh_str *gzip, size_t plain_len, const char *content_type)
{
    const rh_rest_header type = {"Content-Type", content_type};
    struct kept *k = rh_xcalloc(1, sizeof *k);
    k->shown.gzip = rh_str_take(gzip, &k->shown.len);
    k->shown.plain_len = plain_len;
    k->uses = 1;
    rh_etag_of(200, &type, 1, k->shown.gzip, k->shown.len, k->shown.etag);
    return &k->shown;
}

rh_kept *rh_kept_use(rh_kept *text)
{
    struct kept *k = (struct kept *)text;
    atomic_fetch_add(&k->uses, 1);
    return text;
}

void rh_kept_leave(rh_kept *text)
{
    struct kept *k = (struct kept *)text;
    if (!k || atomic_fetch_sub(&k->uses, 1) > 1)
        return;
    free((char *)k->shown.gzip);
    free(k);
}

rh_unpacker *rh_unpacker_new(rh_kept *text)
{
    rh_unpacker *u = rh_xcalloc(1, sizeof *u);
    u->text = text;
    u->zlib.next_in = (Bytef *)text->gzip;
    u->zlib.avail_in = (uInt)text->len;
    if (inflateInit2(&u->zlib, GZIP_WINDOW) != Z_OK)
        abort(); /* as any failed allocation */
    return u;
}

size_t rh_unpacker_read(rh_unpacker *u, char *to, size_t max)
{
    u->zlib.next_out = (Bytef *)to;
    u->zlib.avail_out = (uInt)max;
    inflate(&u->zlib, Z_NO_FLUSH);
    return max - u->zlib.avail_out;
}

void rh_unpacker_free(rh_unpacker *u)
{
    inflateEnd(&u->zlib);
    rh_kept_leave(u->text);
    free(u);
}
