/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/base64url.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

/* Puts the usual alphabet in place of the URL's; false on any other character. */
static bool to_standard(const char *text, size_t n, unsigned char *out)
{
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '-')
            c = '+';
        else if (c == '_')
            c = '/';
        else if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
        out[i] = (unsigned char)c;
    }
    return true;
}

unsigned char *rh_base64url_decode(rh_arena *a, const char *text, size_t n, size_t *len)
{
    size_t rest = n % 4, pads = rest ? 4 - rest : 0;
    unsigned char tail[5]; /* EVP_EncodeBlock writes four characters and a NUL */
    if (rest == 1 || n > INT_MAX / 2)
        return NULL;
    unsigned char *standard = rh_arena_alloc(a, n + 4);
    unsigned char *out = rh_arena_alloc(a, (n + pads) / 4 * 3 + 1);
    if (!to_standard(text, n, standard))
        return NULL;
    memset(standard + n, '=', pads);
    int decoded = n ? EVP_DecodeBlock(out, standard, (int)(n + pads)) : 0;
    if (decoded < 0)
        return NULL;
    *len = (size_t)decoded - pads;
    out[*len] = 0;
    if (rest) { /* two texts must not mean the same bytes */
        EVP_EncodeBlock(tail, out + *len - (rest - 1), (int)(rest - 1));
        if (memcmp(tail, standard + n - rest, rest) != 0)
            return NULL;
    }
    return out;
}

char *rh_base64url_encode(rh_arena *a, const void *bytes, size_t n)
{
    char *out = rh_arena_alloc(a, (n + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
    out[strcspn(out, "=")] = 0;
    for (char *p = out; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return out;
}
