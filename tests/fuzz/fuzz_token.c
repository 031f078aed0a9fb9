/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens, as they come in an Authorization header. The first byte says what the rest is:
 *   a  the value of the header: whatever is accepted must carry our signature
 *   p  a payload, which is signed here, so that what stands behind the signature is reached
 *   h  a header (of the token), signed likewise
 *   c  the path of a claim, a line feed, a payload
 * Anything else is taken as `a`, whole.
 */
#include <stdint.h>

#include "../unit/make_token.h"
#include "auth/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rh_arena *arena;
static rh_jwt_keys *keys;
static rh_jwt_rules rules = {.tenant_claim = "tenant", .audience = "", .issuer = "", .leeway_s = 30};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void start(void)
{
    rh_err err;
    arena = rh_arena_new();
    keys = rh_jwt_keys_from_secret(TEST_SECRET, strlen(TEST_SECRET), &err);
    must(keys != NULL);
}

/* An accepted token has exactly the signature of its first two parts, and claims within their bounds. */
static void check_accepted(const char *token, size_t len, const rh_jwt_claims *claims)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const char *dot = memrchr(token, '.', len);
    must(dot != NULL);
    HMAC(EVP_sha256(), TEST_SECRET, 32, (const unsigned char *)token, (size_t)(dot - token), mac, &n);
    const char *wanted = rh_base64url_encode(arena, mac, n);
    must(strlen(wanted) == len - (size_t)(dot + 1 - token) && memcmp(dot + 1, wanted, strlen(wanted)) == 0);
    must(len <= RH_JWT_MAX_BYTES && claims->json && rh_is_utf8(claims->json, strlen(claims->json)));
    if (claims->tenant)
        must(*claims->tenant && strlen(claims->tenant) <= 63 &&
             rh_is_utf8(claims->tenant, strlen(claims->tenant)));
    must(claims->expires >= TEST_NOW - 30 && claims->not_before <= TEST_NOW + 30 &&
         claims->issued <= TEST_NOW + 30);
}

static void verify(const char *token, size_t len)
{
    rh_jwt_claims claims;
    rh_err err = {0};
    if (rh_jwt_verify(keys, &rules, token, len, TEST_NOW, arena, &claims, &err))
        check_accepted(token, len, &claims);
    else
        must(err.code == RH_E_JWT || err.code == RH_E_JWT_CLAIMS);
}

/* Asked twice, so that the cache answers the second time: the answers are alike, and the tenant is canonical.
 */
static void resolve(const char *authorization, bool slug, bool uuid)
{
    rh_resolve_rules how = {.jwt = rules, .claim_is_slug = slug, .id_is_uuid = uuid, .trusted_header = ""};
    rh_resolver *r = rh_resolver_new(&how, keys);
    rh_identity first, second;
    rh_err err;
    char again[64];
    bool ok = rh_resolve(r, authorization, "5", TEST_NOW, &first, &err);
    must(rh_resolve(r, authorization, NULL, TEST_NOW, &second, &err) == ok);
    if (ok) {
        must(strcmp(first.ref, second.ref) == 0 && first.expires == second.expires);
        if (slug)
            must(rh_slug_ok(first.ref));
        else
            must(rh_tenant_id_canonical(first.ref, uuid, again) && strcmp(again, first.ref) == 0);
    }
    rh_resolver_free(r);
}

static void try_token(const char *token)
{
    const char *authorization = rh_arena_printf(arena, "Bearer %s", token);
    verify(token, strlen(token));
    resolve(authorization, false, false);
    resolve(authorization, true, false);
    resolve(authorization, false, true);
}

static void try_path(const char *text, size_t n)
{
    rh_err err;
    const char *end = memchr(text, '\n', n);
    size_t len = end ? (size_t)(end - text) : n;
    const char *payload = end ? end + 1 : "{\"tenant\":5}";
    rules.tenant_claim = rh_arena_strndup(arena, text, len);
    if (rh_jwt_claim_path_ok(rules.tenant_claim, &err)) {
        try_token(make_token_n(arena, EVP_sha256(), TEST_SECRET, TEST_HEADER, strlen(TEST_HEADER), payload,
                               end ? n - len - 1 : strlen(payload)));
        /* what we sign for this path, we read again by it */
        char *token = rh_jwt_sign(arena, keys, &rules, "acme", false, TEST_NOW, 60, &err);
        rh_jwt_claims claims;
        must(token != NULL &&
             rh_jwt_verify(keys, &rules, token, strlen(token), TEST_NOW, arena, &claims, &err));
        must(claims.tenant && strcmp(claims.tenant, "acme") == 0);
    }
    rules.tenant_claim = "tenant";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!arena)
        start();
    const char *text = rh_arena_strndup(arena, (const char *)data, size), *rest = text + 1;
    size_t n = size ? size - 1 : 0;
    switch (size ? *text : 0) {
    case 'p':
        try_token(make_token_n(arena, EVP_sha256(), TEST_SECRET, TEST_HEADER, strlen(TEST_HEADER), rest, n));
        break;
    case 'h':
        try_token(make_token_n(arena, EVP_sha256(), TEST_SECRET, rest, n, "{\"tenant\":5}", 12));
        break;
    case 'c':
        try_path(rest, n);
        break;
    case 'a':
        if (strncasecmp(rest, "Bearer ", 7) == 0)
            verify(rest + 7, strlen(rest + 7));
        resolve(rest, false, false);
        break;
    default:
        verify(text, size);
        resolve(text, true, false);
    }
    rh_arena_clear(arena);
    return 0;
}
