/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as they come from outside. The first byte says from where: `u` an address, anything else a file.
 * Whatever is read must hold what auth/keys.h promises, and must not take a token that anybody could have
 * made.
 */
#include <stdint.h>

#include "../unit/make_token.h"
#include "auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rh_arena *arena;
static const rh_jwt_rules rules = {.tenant_claim = "tenant", .audience = "", .issuer = "", .leeway_s = 30};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool takes(const rh_jwt_keys *k, const char *token)
{
    rh_jwt_claims claims;
    rh_err err;
    return rh_jwt_verify(k, &rules, token, strlen(token), TEST_NOW, arena, &claims, &err);
}

/* A signature of zeros under every algorithm; for public keys an HMAC with the text that everybody can read.
 */
static void try_forgeries(const rh_jwt_keys *k, bool is_published, const char *text, size_t n)
{
    static const unsigned char zeros[256];
    static const size_t lengths[] = {32, 48, 64, 96, 256};
    for (size_t i = 0; i < RH_ALG_COUNT; i++) {
        char *header = rh_arena_printf(arena, "{\"alg\":\"%s\"}", rh_algs[i].name);
        char *head = rh_arena_printf(arena, "%s.%s", rh_base64url_encode(arena, header, strlen(header)),
                                     rh_base64url_encode(arena, "{\"tenant\":5}", 12));
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            must(!takes(
                k, rh_arena_printf(arena, "%s.%s", head, rh_base64url_encode(arena, zeros, lengths[l]))));
    }
    if (is_published && n)
        must(!takes(k, make_token(arena, EVP_sha256(), text, TEST_HEADER, "{\"tenant\":5}")));
}

static void check(const rh_jwt_keys *k, bool is_published, const char *text, size_t n)
{
    rh_err why = {0};
    uint32_t algs = rh_jwt_keys_algs(k);
    must(rh_jwt_keys_count(k) + rh_jwt_keys_left_out(k, &why) <= RH_KEYS_MAX);
    must(!rh_jwt_keys_left_out(k, &why) || *why.message);
    must((algs != 0) == (rh_jwt_keys_count(k) > 0) && (algs & ~RH_ALGS_ALL) == 0);
    must(is_published ? !(algs & RH_ALGS_HMAC) : algs != 0);
    try_forgeries(k, is_published, text, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!arena)
        arena = rh_arena_new();
    rh_err err = {0};
    bool is_published = size && *data == 'u';
    const char *text = rh_arena_strndup(arena, (const char *)data + (size > 0), size ? size - 1 : 0);
    size_t n = size ? size - 1 : 0;
    rh_jwt_keys *k = rh_jwt_keys_read(text, n, is_published ? RH_KEYS_FROM_URL : RH_KEYS_FROM_FILE, &err);
    if (k)
        check(k, is_published, text, strlen(text));
    else
        must(err.code != RH_E_OK && *err.message);
    rh_jwt_keys_free(k);
    rh_arena_clear(arena);
    return 0;
}
