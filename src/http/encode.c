/* SPDX-License-Identifier: Apache-2.0 */
#include "http/encode.h"

#include <brotli/encode.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_LEVEL 1   /* higher ones cost several times as much for a few percent */
#define BROTLI_LEVEL 2 /* likewise */
#define BROTLI_WINDOW 18
#define GZIP_WINDOW (15 + 16) /* + 16: gzip's own head and tail */
#define PIECE 16384

struct rh_encoder {
    rh_coding coding;
    z_stream zlib;
    BrotliEncoderState *brotli;
};

/* To add one: a row, and its two cases below. In the order of preference. */
static const struct {
    const char *name;
    rh_coding coding;
} codings[] = {{"br", RH_CODING_BR}, {"gzip", RH_CODING_GZIP}, {"x-gzip", RH_CODING_GZIP}};

const char *rh_coding_name(rh_coding coding)
{
    return coding == RH_CODING_BR ? "br" : coding == RH_CODING_GZIP ? "gzip" : "identity";
}

/* `;q=0.5` in thousandths; 1000 where there is none, 0 where it is malformed. */
static int quality_of(const char *p, const char *end)
{
    int q = 0, scale = 1000;
    while (p < end && *p != ';')
        p++;
    if (p == end)
        return 1000;
    for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
        ;
    if (end - p < 3 || strncasecmp(p, "q=", 2) != 0)
        return 0;
    for (p += 2; p < end && *p != ' ' && *p != '\t'; p++) {
        if (*p == '.' && scale == 100)
            continue;
        if (*p < '0' || *p > '9' || scale == 0)
            return 0;
        q += (*p - '0') * scale;
        scale /= 10;
    }
    return q > 1000 ? 0 : q;
}

/* What the header says of one coding, -1: nothing. */
static int quality(const char *accept, const char *name)
{
    for (const char *p = accept; *p; p += *p == ',') {
        const char *end = p + strcspn(p, ",");
        p += strspn(p, " \t");
        size_t n = strcspn(p, "; \t,");
        if (n == strlen(name) && strncasecmp(p, name, n) == 0)
            return quality_of(p, end);
        p = end;
    }
    return -1;
}

/* What the header, which is there, says of a row. */
static int quality_in(const char *accept, size_t row)
{
    int q = quality(accept, codings[row].name);
    return q < 0 && strcmp(codings[row].name, "x-gzip") != 0 ? quality(accept, "*") : q;
}

rh_coding rh_coding_of(const char *accept)
{
    rh_coding best = RH_CODING_NONE;
    int best_q = 0;
    if (!accept || !*accept)
        return RH_CODING_NONE;
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        if (quality_in(accept, i) > best_q) {
            best_q = quality_in(accept, i);
            best = codings[i].coding;
        }
    return quality(accept, "identity") > best_q ? RH_CODING_NONE : best;
}

bool rh_coding_is_taken(const char *accept, rh_coding coding)
{
    int q = 0;
    for (size_t i = 0; accept && *accept && i < sizeof codings / sizeof *codings; i++)
        if (codings[i].coding == coding && quality_in(accept, i) > q)
            q = quality_in(accept, i);
    return q > 0 && quality(accept, "identity") <= q;
}

bool rh_coding_pays(const char *content_type)
{
    return strncmp(content_type, "text/", 5) == 0 || strstr(content_type, "json") ||
           strstr(content_type, "xml") || strstr(content_type, "javascript");
}

rh_encoder *rh_encoder_new(rh_coding coding)
{
    rh_encoder *e = rh_xcalloc(1, sizeof *e);
    e->coding = coding;
    if (coding == RH_CODING_BR) {
        e->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        if (!e->brotli)
            abort(); /* as any failed allocation */
        BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_QUALITY, BROTLI_LEVEL);
        BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_LGWIN, BROTLI_WINDOW);
    } else if (deflateInit2(&e->zlib, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    return e;
}

static void add_gzip(rh_encoder *e, const char *bytes, size_t n, bool last, rh_str *out)
{
    char piece[PIECE];
    z_stream *z = &e->zlib;
    z->next_in = (Bytef *)bytes;
    z->avail_in = (uInt)n;
    do {
        z->next_out = (Bytef *)piece;
        z->avail_out = sizeof piece;
        deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
        rh_str_addn(out, piece, sizeof piece - z->avail_out);
    } while (z->avail_out == 0);
}

static void add_brotli(rh_encoder *e, const char *bytes, size_t n, bool last, rh_str *out)
{
    const uint8_t *in = (const uint8_t *)bytes;
    size_t room = 0;
    do {
        BrotliEncoderCompressStream(e->brotli, last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &n,
                                    &in, &room, NULL, NULL);
        size_t some = 0;
        const uint8_t *made = BrotliEncoderTakeOutput(e->brotli, &some);
        rh_str_addn(out, (const char *)made, some);
    } while (n > 0 || BrotliEncoderHasMoreOutput(e->brotli));
}

void rh_encoder_add(rh_encoder *e, const char *bytes, size_t n, bool last, rh_str *out)
{
    if (e->coding == RH_CODING_BR)
        add_brotli(e, bytes, n, last, out);
    else
        add_gzip(e, bytes, n, last, out);
}

void rh_encoder_free(rh_encoder *e)
{
    if (!e)
        return;
    if (e->coding == RH_CODING_BR)
        BrotliEncoderDestroyInstance(e->brotli);
    else
        deflateEnd(&e->zlib);
    free(e);
}
