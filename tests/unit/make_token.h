/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens with any header and payload, signed independently of auth/jwt.c: for tests and fuzzers.
 */
#ifndef RH_TEST_MAKE_TOKEN_H
#define RH_TEST_MAKE_TOKEN_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "auth/base64url.h"

#define TEST_SECRET "0123456789abcdef0123456789abcdef"
#define TEST_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define TEST_NOW 1700000000

static inline char *make_token_n(rh_arena *a, const EVP_MD *digest, const char *secret, const char *header,
                                 size_t header_len, const char *payload, size_t payload_len)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *text = rh_arena_printf(a, "%s.%s", rh_base64url_encode(a, header, header_len),
                                 rh_base64url_encode(a, payload, payload_len));
    HMAC(digest, secret, (int)strlen(secret), (const unsigned char *)text, strlen(text), mac, &n);
    return rh_arena_printf(a, "%s.%s", text, rh_base64url_encode(a, mac, n));
}

static inline char *make_token(rh_arena *a, const EVP_MD *digest, const char *secret, const char *header,
                               const char *payload)
{
    return make_token_n(a, digest, secret, header, strlen(header), payload, strlen(payload));
}

#endif
