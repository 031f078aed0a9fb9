/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwt.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/claim.h"

#define HMAC_BYTES 32
#define SECRET_MIN_BYTES 32
#define TENANT_MAX_BYTES 63
#define TIME_LIMIT                                                                                           \
    (INT64_MAX / 4) /* times beyond are taken to be this one, so that sums of two cannot overflow */

struct rh_jwt_keys {
    EVP_MAC_CTX *hmac; /* keyed once, duplicated for each use: a context works for one thread at a time */
};

rh_jwt_keys *rh_jwt_keys_from_secret(const char *secret, size_t len, rh_err *err)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    if (len < SECRET_MIN_BYTES) {
        rh_err_set(err, RH_E_JWT_SECRET, "the token secret has %zu bytes", len);
        rh_err_hint(err, "HS256 wants at least %d, for example from `openssl rand -hex 32`.",
                    SECRET_MIN_BYTES);
        return NULL;
    }
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context keeps its own reference */
    if (!ctx || !EVP_MAC_init(ctx, (const unsigned char *)secret, len, params)) {
        EVP_MAC_CTX_free(ctx);
        rh_err_set(err, RH_E_JWT_SECRET, "OpenSSL cannot make an HS256 key");
        return NULL;
    }
    rh_jwt_keys *k = rh_xcalloc(1, sizeof *k);
    k->hmac = ctx;
    return k;
}

void rh_jwt_keys_free(rh_jwt_keys *k)
{
    if (!k)
        return;
    EVP_MAC_CTX_free(k->hmac);
    free(k);
}

static bool hmac(const rh_jwt_keys *k, const char *bytes, size_t n, unsigned char out[HMAC_BYTES])
{
    size_t len = 0;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(k->hmac);
    bool ok = ctx && EVP_MAC_update(ctx, (const unsigned char *)bytes, n) &&
              EVP_MAC_final(ctx, out, &len, HMAC_BYTES) && len == HMAC_BYTES;
    EVP_MAC_CTX_free(ctx);
    return ok;
}

/* ---- form and signature ---- */

struct parts {
    const char *header, *payload, *signature;
    size_t header_len, payload_len, signature_len;
    size_t signed_len; /* header, dot and payload */
};

static bool split(const char *token, size_t len, struct parts *p, rh_err *err)
{
    if (len > RH_JWT_MAX_BYTES) {
        rh_err_set(err, RH_E_JWT, "JWT is too large");
        return rh_err_detail(err, "A token may have %d bytes.", RH_JWT_MAX_BYTES);
    }
    int n = 1;
    for (size_t i = 0; i < len; i++)
        n += token[i] == '.';
    if (n != 3)
        return rh_err_set(err, RH_E_JWT, "Expected 3 parts in JWT; got %d", n);
    const char *first = memchr(token, '.', len),
               *second = memchr(first + 1, '.', len - (size_t)(first + 1 - token));
    *p = (struct parts){
        .header = token,
        .header_len = (size_t)(first - token),
        .payload = first + 1,
        .payload_len = (size_t)(second - first) - 1,
        .signature = second + 1,
        .signature_len = len - (size_t)(second + 1 - token),
        .signed_len = (size_t)(second - token),
    };
    return true;
}

/* The object that a part of the token holds: the caller's, NULL when it holds none. *text: the bytes, the
 * arena's. */
static json_t *decode_object(rh_arena *a, const char *part, size_t len, const char **text)
{
    size_t n = 0;
    unsigned char *bytes = rh_base64url_decode(a, part, len, &n);
    if (!bytes || memchr(bytes, 0, n))
        return NULL;
    *text = (const char *)bytes;
    /* NUL as \u0000 is let through here, so that a claim nobody reads cannot break a token; who reads one
     * checks. */
    json_t *object = json_loadb(*text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* A string without NUL, else NULL. */
static const char *plain_string(const json_t *value)
{
    const char *s = json_string_value(value);
    return s && strlen(s) == json_string_length(value) ? s : NULL;
}

static bool check_header(rh_arena *a, const struct parts *p, rh_err *err)
{
    const char *text;
    bool ok = true;
    json_t *header = decode_object(a, p->header, p->header_len, &text);
    if (!header) {
        rh_err_set(err, RH_E_JWT, "JWT couldn't be decoded");
        return rh_err_detail(err, "The header is not a JSON object in base64url.");
    }
    const char *alg = plain_string(json_object_get(header, "alg"));
    if (!alg || strcmp(alg, "HS256") != 0) {
        ok = rh_err_set(err, RH_E_JWT, "Wrong or unsupported encoding algorithm");
        rh_err_detail(err, "Tokens must be signed with HS256.");
    } else if (json_object_get(header, "crit")) { /* RFC 7515: refuse what one does not understand */
        ok = rh_err_set(err, RH_E_JWT, "JWT has critical header parameters");
        rh_err_detail(err, "The header parameter crit is not supported.");
    }
    json_decref(header);
    return ok;
}

static bool check_signature(rh_arena *a, const rh_jwt_keys *k, const char *token, const struct parts *p,
                            rh_err *err)
{
    unsigned char wanted[HMAC_BYTES];
    size_t n = 0;
    if (!hmac(k, token, p->signed_len, wanted))
        return rh_err_set(err, RH_E_INTERNAL, "OpenSSL cannot compute an HMAC");
    unsigned char *given = rh_base64url_decode(a, p->signature, p->signature_len, &n);
    if (given && n == HMAC_BYTES && CRYPTO_memcmp(given, wanted, HMAC_BYTES) == 0)
        return true;
    rh_err_set(err, RH_E_JWT, "No suitable key or wrong key type");
    return rh_err_detail(err, "The signature does not belong to the server's key.");
}

/* ---- claims ---- */

/* Rounds up or down, whichever keeps comparisons with whole seconds what they are for the fraction. */
static bool read_time(const json_t *payload, const char *name, bool up, int64_t *out, rh_err *err)
{
    const json_t *value = json_object_get(payload, name);
    if (!value)
        return true;
    if (!json_is_number(value))
        return rh_err_set(err, RH_E_JWT_CLAIMS, "The JWT '%s' claim must be a number", name);
    double real = json_number_value(value);
    if (real >= (double)TIME_LIMIT || real <= -(double)TIME_LIMIT) {
        *out = real > 0 ? TIME_LIMIT : -TIME_LIMIT;
    } else if (json_is_integer(value)) {
        *out = json_integer_value(value);
    } else {
        *out = (int64_t)real;
        if (up ? (double)*out < real : (double)*out > real)
            *out += up ? 1 : -1;
    }
    return true;
}

bool rh_jwt_check_times(int64_t expires, int64_t not_before, int64_t issued, int64_t now_s, int64_t leeway_s,
                        rh_err *err)
{
    if (expires < now_s - leeway_s)
        return rh_err_set(err, RH_E_JWT_CLAIMS, "JWT expired");
    if (not_before > now_s + leeway_s)
        return rh_err_set(err, RH_E_JWT_CLAIMS, "JWT not yet valid");
    if (issued > now_s + leeway_s)
        return rh_err_set(err, RH_E_JWT_CLAIMS, "JWT issued at future");
    return true;
}

static bool same_text(const json_t *value, const char *wanted)
{
    const char *s = plain_string(value);
    return s && strcmp(s, wanted) == 0;
}

static bool check_audience(const json_t *payload, const char *wanted, rh_err *err)
{
    const json_t *aud = json_object_get(payload, "aud"), *item;
    bool found = same_text(aud, wanted), strings = !aud || json_is_string(aud) || json_is_array(aud);
    size_t i;
    json_array_foreach((json_t *)aud, i, item)
    {
        strings = strings && json_is_string(item);
        found = found || same_text(item, wanted);
    }
    if (!strings)
        return rh_err_set(err, RH_E_JWT_CLAIMS,
                          "The JWT 'aud' claim must be a string or an array of strings");
    return found || rh_err_set(err, RH_E_JWT_CLAIMS, "JWT not in audience");
}

static bool read_tenant(rh_arena *a, const json_t *payload, const char *path, const char **out, rh_err *err)
{
    json_t *value;
    *out = NULL;
    bool found = rh_claim_find(payload, path, &value);
    if (found && !value)
        return true;
    if (json_is_integer(value)) {
        *out = rh_arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    }
    const char *text = plain_string(value);
    if (text && *text && strlen(text) <= TENANT_MAX_BYTES) {
        *out = rh_arena_strdup(a, text);
        return true;
    }
    rh_err_set(err, RH_E_JWT_CLAIMS, "The JWT claim %s does not name a tenant", path);
    return rh_err_hint(err, "It must be a string of 1 to %d bytes, or an integer.", TENANT_MAX_BYTES);
}

static bool read_claims(rh_arena *a, const json_t *payload, const rh_jwt_rules *rules, int64_t now_s,
                        rh_jwt_claims *out, rh_err *err)
{
    out->expires = INT64_MAX;
    out->not_before = out->issued = INT64_MIN;
    if (!read_time(payload, "exp", false, &out->expires, err) ||
        !read_time(payload, "nbf", true, &out->not_before, err) ||
        !read_time(payload, "iat", true, &out->issued, err) ||
        !rh_jwt_check_times(out->expires, out->not_before, out->issued, now_s, rules->leeway_s, err))
        return false;
    if (*rules->audience && !check_audience(payload, rules->audience, err))
        return false;
    if (*rules->issuer && !same_text(json_object_get(payload, "iss"), rules->issuer))
        return rh_err_set(err, RH_E_JWT_CLAIMS, "JWT not from the issuer");
    out->role = rh_arena_strdup(a, plain_string(json_object_get(payload, "role")));
    return read_tenant(a, payload, rules->tenant_claim, &out->tenant, err);
}

bool rh_jwt_verify(const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *token, size_t len,
                   int64_t now_s, rh_arena *a, rh_jwt_claims *out, rh_err *err)
{
    struct parts p = {0};
    *out = (rh_jwt_claims){0};
    if (!split(token, len, &p, err) || !check_header(a, &p, err) || !check_signature(a, k, token, &p, err))
        return false;
    json_t *payload = decode_object(a, p.payload, p.payload_len, &out->json);
    if (!payload)
        return rh_err_set(err, RH_E_JWT_CLAIMS, "Parsing claims failed");
    bool ok = read_claims(a, payload, rules, now_s, out, err);
    json_decref(payload);
    return ok;
}

/* ---- signing ---- */

/* NULL when a text is not UTF-8, the integer is none or the path is malformed. */
static char *payload_text(rh_arena *a, const rh_jwt_rules *rules, const char *tenant, bool integer,
                          int64_t now_s, int64_t ttl_s)
{
    int64_t number = 0;
    char *text = NULL;
    json_t *payload = json_pack("{s:I,s:I}", "iat", (json_int_t)now_s, "exp", (json_int_t)(now_s + ttl_s));
    bool ok = payload && (!integer || rh_parse_int(tenant, &number));
    if (ok && *rules->audience)
        ok = json_object_set_new(payload, "aud", json_string(rules->audience)) == 0;
    if (ok && *rules->issuer)
        ok = json_object_set_new(payload, "iss", json_string(rules->issuer)) == 0;
    if (ok &&
        rh_claim_put(payload, rules->tenant_claim, integer ? json_integer(number) : json_string(tenant))) {
        char *dumped = json_dumps(payload, JSON_COMPACT);
        text = rh_arena_strdup(a, dumped);
        free(dumped);
    }
    json_decref(payload);
    return text;
}

char *rh_jwt_sign(rh_arena *a, const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *tenant,
                  bool integer, int64_t now_s, int64_t ttl_s, rh_err *err)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    unsigned char signature[HMAC_BYTES];
    char *payload = *tenant && strlen(tenant) <= TENANT_MAX_BYTES
                        ? payload_text(a, rules, tenant, integer, now_s, ttl_s)
                        : NULL;
    if (!payload) {
        rh_err_set(err, RH_E_INVALID, "no token can be made for tenant \"%s\"", tenant);
        return NULL;
    }
    char *signed_part = rh_arena_printf(a, "%s.%s", rh_base64url_encode(a, header, sizeof header - 1),
                                        rh_base64url_encode(a, payload, strlen(payload)));
    if (!hmac(k, signed_part, strlen(signed_part), signature)) {
        rh_err_set(err, RH_E_INTERNAL, "OpenSSL cannot compute an HMAC");
        return NULL;
    }
    return rh_arena_printf(a, "%s.%s", signed_part, rh_base64url_encode(a, signature, HMAC_BYTES));
}
