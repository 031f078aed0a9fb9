/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwt.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/claim.h"
#include "auth/role_path.h"
#include "base/sabotage.h"

#define HMAC_MAX_BYTES 64
#define TENANT_MAX_BYTES 63
#define TIME_LIMIT                                                                                           \
    (INT64_MAX / 4) /* times beyond are taken to be this one, so that sums of two cannot overflow */

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

static bool refuse_signature(rh_err *err)
{
    rh_err_set(err, RH_E_JWT, "No suitable key or wrong key type");
    return rh_err_detail(err, "The signature does not belong to a key of the server's.");
}

/* ---- which key, which algorithm ---- */

struct head {
    const rh_alg *alg;
    const char *kid; /* NULL: none */
    bool unsecured;
};

static uint32_t accepted(const rh_jwt_keys *k, const rh_jwt_rules *rules)
{
    uint32_t set = k ? rh_jwt_keys_algs(k) : RH_ALGS_ALL;
    return rules->algorithms ? set & rules->algorithms : set;
}

static bool wrong_alg(rh_arena *a, uint32_t set, rh_err *err)
{
    rh_err_set(err, RH_E_JWT, "Wrong or unsupported encoding algorithm");
    return set ? rh_err_detail(err, "Tokens must be signed with %s.", rh_algs_text(a, set)) : false;
}

static bool read_header(rh_arena *a, const json_t *header, struct head *out, rh_err *err)
{
    const json_t *kid = json_object_get(header, "kid");
    const char *alg = plain_string(json_object_get(header, "alg"));
    out->alg = alg ? rh_alg_find(alg) : NULL;
    out->kid = rh_arena_strdup(a, plain_string(kid));
    out->unsecured = alg && strcasecmp(alg, "none") == 0;
    if (json_object_get(header, "crit")) { /* RFC 7515: refuse what one does not understand */
        rh_err_set(err, RH_E_JWT, "JWT has critical header parameters");
        return rh_err_detail(err, "The header parameter crit is not supported.");
    }
    if (!kid || out->kid)
        return true;
    rh_err_set(err, RH_E_JWT, "JWT couldn't be decoded");
    return rh_err_detail(err, "The header parameter kid is not a string.");
}

static bool check_header(rh_arena *a, const rh_jwt_keys *k, const rh_jwt_rules *rules, const struct parts *p,
                         struct head *out, rh_err *err)
{
    const char *text;
    uint32_t permitted = rules->algorithms ? rules->algorithms : RH_ALGS_ALL;
    json_t *header = decode_object(a, p->header, p->header_len, &text);
    if (!header) {
        rh_err_set(err, RH_E_JWT, "JWT couldn't be decoded");
        return rh_err_detail(err, "The header is not a JSON object in base64url.");
    }
    bool ok = read_header(a, header, out, err);
    json_decref(header);
    if (ok && (!out->alg || !(out->alg->bit & permitted)))
        ok = wrong_alg(a, accepted(k, rules), err);
    if (out->unsecured)
        rh_err_detail(err, "JWT is unsecured but expected 'alg' was not 'none'");
    return ok;
}

static bool check_signature(rh_arena *a, const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *token,
                            const struct parts *p, const struct head *head, bool *unknown_key, rh_err *err)
{
    size_t n = 0;
    const unsigned char *given = rh_base64url_decode(a, p->signature, p->signature_len, &n);
    if (!given || !n)
        return refuse_signature(err);
    if (!k && head->alg->kind == RH_KEY_SECRET) /* what is fetched are public keys */
        return wrong_alg(a, 0, err);
    if (!k) {
        *unknown_key = true;
        rh_err_set(err, RH_E_NO_KEYS, "the keys that tokens are checked with could not be fetched yet");
        return rh_err_hint(err, "Try again in a moment.");
    }
    if (rh_sabotaged("signature"))
        return true;
    switch (rh_jwt_keys_verify(k, head->alg, head->kid, token, p->signed_len, given, n)) {
    case RH_KEYS_GOOD:
        return true;
    case RH_KEYS_UNKNOWN:
        *unknown_key = head->alg->kind != RH_KEY_SECRET;
        break;
    case RH_KEYS_CROWD:
        rh_err_set(err, RH_E_JWT, "No suitable key or wrong key type");
        return rh_err_detail(err, "More than %d keys fit: the header parameter kid must say which it is.",
                             RH_KEYS_TRIES);
    case RH_KEYS_BAD:
        break;
    }
    return rh_jwt_keys_algs(k) & head->alg->bit ? refuse_signature(err)
                                                : wrong_alg(a, accepted(k, rules), err);
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

/* wanted "": anybody's, but it must be what it has to be. */
static bool check_audience(const json_t *payload, const char *wanted, rh_err *err)
{
    const json_t *aud = json_object_get(payload, "aud"), *item;
    bool found = !*wanted || same_text(aud, wanted);
    bool strings = !aud || (!*wanted && json_is_null(aud)) || json_is_string(aud) || json_is_array(aud);
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
    if (!*path)
        return true;
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

/* The payload as its reader in PostgreSQL finds it: the role stands where PostgREST's users look for it. */
static const char *text_with_role(rh_arena *a, json_t *payload, const char *role)
{
    json_object_set_new(payload, "role", json_string(role));
    char *text = json_dumps(payload, JSON_COMPACT);
    const char *own = rh_arena_strdup(a, text);
    free(text);
    return own;
}

static bool read_role(rh_arena *a, json_t *payload, const char *path, rh_jwt_claims *out, rh_err *err)
{
    const char *role = path ? rh_role_path_find(a, payload, path) : "";
    if (!role || strlen(role) > TENANT_MAX_BYTES) {
        rh_err_set(err, RH_E_JWT_CLAIMS, "The JWT claim %s does not name a role", path);
        return rh_err_hint(err, "It must be a string of at most %d bytes.", TENANT_MAX_BYTES);
    }
    if (!*role)
        return true;
    out->role = role;
    out->json = text_with_role(a, payload, role);
    return true;
}

static bool read_claims(rh_arena *a, json_t *payload, const rh_jwt_rules *rules, int64_t now_s,
                        rh_jwt_claims *out, rh_err *err)
{
    out->expires = INT64_MAX;
    out->not_before = out->issued = INT64_MIN;
    if (!read_time(payload, "exp", false, &out->expires, err) ||
        !read_time(payload, "nbf", true, &out->not_before, err) ||
        !read_time(payload, "iat", true, &out->issued, err) ||
        !rh_jwt_check_times(out->expires, out->not_before, out->issued, now_s, rules->leeway_s, err))
        return false;
    if (!check_audience(payload, rules->audience, err))
        return false;
    if (*rules->issuer && !same_text(json_object_get(payload, "iss"), rules->issuer))
        return rh_err_set(err, RH_E_JWT_CLAIMS, "JWT not from the issuer");
    if (!read_role(a, payload, rules->role_path, out, err))
        return false;
    return read_tenant(a, payload, rules->tenant_claim, &out->tenant, err);
}

bool rh_jwt_verify(const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *token, size_t len,
                   int64_t now_s, rh_arena *a, rh_jwt_claims *out, rh_err *err)
{
    struct parts p = {0};
    *out = (rh_jwt_claims){0};
    struct head head = {0};
    if (!split(token, len, &p, err) || !check_header(a, k, rules, &p, &head, err) ||
        !check_signature(a, k, rules, token, &p, &head, &out->unknown_key, err))
        return false;
    json_t *payload = decode_object(a, p.payload, p.payload_len, &out->json);
    if (!payload)
        return rh_err_set(err, RH_E_JWT_CLAIMS, "Parsing claims failed");
    bool ok = read_claims(a, payload, rules, now_s, out, err);
    json_decref(payload);
    return ok;
}

/* ---- signing ---- */

const char *rh_jwt_claims_of(rh_arena *a, const char *authorization)
{
    struct parts p;
    rh_err err;
    size_t n;
    const char *token = authorization ? strchr(authorization, ' ') : NULL;
    if (!token || !split(token + 1, strlen(token + 1), &p, &err))
        return "{}";
    const char *text = (const char *)rh_base64url_decode(a, p.payload, p.payload_len, &n);
    return text && rh_is_utf8(text, n) ? rh_arena_strndup(a, text, n) : "{}";
}

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

static const rh_alg *signing_alg(const rh_jwt_keys *k, const rh_jwt_rules *rules)
{
    uint32_t set = accepted(k, rules) & RH_ALGS_HMAC;
    for (size_t i = 0; i < RH_ALG_COUNT; i++)
        if (set & rh_algs[i].bit)
            return &rh_algs[i];
    return NULL;
}

char *rh_jwt_sign(rh_arena *a, const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *tenant,
                  bool integer, int64_t now_s, int64_t ttl_s, rh_err *err)
{
    unsigned char signature[HMAC_MAX_BYTES];
    const rh_alg *alg = signing_alg(k, rules);
    if (!alg) {
        rh_err_set(err, RH_E_INVALID, "no token can be made: there is no secret to sign it with");
        rh_err_hint(err, "Set auth.secret, or let auth.algorithms have an HMAC that its length allows.");
        return NULL;
    }
    char *payload = *tenant && strlen(tenant) <= TENANT_MAX_BYTES
                        ? payload_text(a, rules, tenant, integer, now_s, ttl_s)
                        : NULL;
    if (!payload) {
        rh_err_set(err, RH_E_INVALID, "no token can be made for tenant \"%s\"", tenant);
        return NULL;
    }
    const char *header = rh_arena_printf(a, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg->name);
    char *signed_part = rh_arena_printf(a, "%s.%s", rh_base64url_encode(a, header, strlen(header)),
                                        rh_base64url_encode(a, payload, strlen(payload)));
    if (!rh_jwt_keys_hmac(k, alg, signed_part, strlen(signed_part), signature)) {
        rh_err_set(err, RH_E_INTERNAL, "OpenSSL cannot compute an HMAC");
        return NULL;
    }
    return rh_arena_printf(a, "%s.%s", signed_part, rh_base64url_encode(a, signature, alg->bytes));
}
