/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "auth/base64url.h"

#define NUMBER_MAX_BYTES 2048 /* of a member, decoded: more than any key has */
#define POINT_MAX_BYTES 97

/* A string without NUL, else NULL. */
static const char *text_member(const json_t *jwk, const char *name)
{
    const json_t *value = json_object_get(jwk, name);
    const char *s = json_string_value(value);
    return s && strlen(s) == json_string_length(value) ? s : NULL;
}

static unsigned char *bytes_member(rh_arena *a, const json_t *jwk, const char *name, size_t *n, rh_err *err)
{
    const char *text = text_member(jwk, name);
    unsigned char *bytes = NULL;
    if (text && strlen(text) <= NUMBER_MAX_BYTES * 4 / 3)
        bytes = rh_base64url_decode(a, text, strlen(text), n);
    if (bytes && *n)
        return bytes;
    rh_err_set(err, RH_E_INVALID, "the member %s is missing or not base64url", name);
    return NULL;
}

/* ---- public keys ---- */

static rh_key *from_params(const char *type, OSSL_PARAM_BLD *build, rh_err *err)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    ERR_clear_error();
    if (pkey)
        return rh_key_from_pkey(pkey, err);
    rh_err_set(err, RH_E_INVALID, "the key's numbers do not make a public key");
    return NULL;
}

static rh_key *read_rsa(rh_arena *a, const json_t *jwk, rh_err *err)
{
    size_t n_len, e_len;
    rh_key *k = NULL;
    unsigned char *n = bytes_member(a, jwk, "n", &n_len, err);
    unsigned char *e = n ? bytes_member(a, jwk, "e", &e_len, err) : NULL;
    if (!e)
        return NULL;
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL), *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (modulus && exponent && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        k = from_params("RSA", build, err);
    else
        rh_err_set(err, RH_E_INVALID, "the key's numbers cannot be read");
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return k;
}

static rh_key *read_ec(rh_arena *a, const json_t *jwk, rh_err *err)
{
    static const struct {
        const char *crv, *group;
        size_t bytes;
    } curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}};
    const char *crv = text_member(jwk, "crv");
    unsigned char point[POINT_MAX_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t i = 0, x_len, y_len, n_curves = sizeof curves / sizeof *curves;
    while (i < n_curves && (!crv || strcmp(curves[i].crv, crv) != 0))
        i++;
    if (i == n_curves) {
        rh_err_set(err, RH_E_INVALID, "the curve is neither P-256 nor P-384");
        return NULL;
    }
    unsigned char *x = bytes_member(a, jwk, "x", &x_len, err);
    unsigned char *y = x ? bytes_member(a, jwk, "y", &y_len, err) : NULL;
    if (!y)
        return NULL;
    if (x_len != curves[i].bytes || y_len != curves[i].bytes) {
        rh_err_set(err, RH_E_INVALID, "the members x and y must have %zu bytes each", curves[i].bytes);
        return NULL;
    }
    memcpy(point + 1, x, x_len);
    memcpy(point + 1 + x_len, y, y_len);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    rh_key *k = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + x_len + y_len))
        k = from_params("EC", build, err);
    else
        rh_err_set(err, RH_E_INVALID, "the key's numbers cannot be read");
    OSSL_PARAM_BLD_free(build);
    return k;
}

static rh_key *read_okp(rh_arena *a, const json_t *jwk, rh_err *err)
{
    size_t n;
    const char *crv = text_member(jwk, "crv");
    if (!crv || strcmp(crv, "Ed25519") != 0) {
        rh_err_set(err, RH_E_INVALID, "the curve is not Ed25519");
        return NULL;
    }
    unsigned char *x = bytes_member(a, jwk, "x", &n, err);
    EVP_PKEY *pkey = x ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, n) : NULL;
    ERR_clear_error();
    if (pkey)
        return rh_key_from_pkey(pkey, err);
    if (x)
        rh_err_set(err, RH_E_INVALID, "the member x must have 32 bytes");
    return NULL;
}

static rh_key *read_oct(rh_arena *a, const json_t *jwk, rh_err *err)
{
    size_t n;
    unsigned char *secret = bytes_member(a, jwk, "k", &n, err);
    rh_key *k = secret ? rh_key_from_secret((const char *)secret, n, err) : NULL;
    if (secret)
        OPENSSL_cleanse(secret, n);
    return k;
}

/* To add a kind of key: a row. */
static const struct reader {
    const char *kty;
    bool is_public;
    rh_key *(*read)(rh_arena *a, const json_t *jwk, rh_err *err);
} readers[] = {
    {"RSA", true, read_rsa}, {"EC", true, read_ec}, {"OKP", true, read_okp}, {"oct", false, read_oct}};

/* ---- what the key is for ---- */

static bool lists(const json_t *list, const char *wanted)
{
    size_t i;
    const json_t *item;
    json_array_foreach((json_t *)list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), wanted) == 0)
            return true;
    }
    return false;
}

static bool check_purpose(const json_t *jwk, rh_err *err)
{
    const char *use = text_member(jwk, "use");
    if (json_object_get(jwk, "use") && (!use || strcmp(use, "sig") != 0))
        return rh_err_set(err, RH_E_INVALID, "the key's use is not sig");
    const json_t *ops = json_object_get(jwk, "key_ops");
    return !ops || lists(ops, "verify") ||
           rh_err_set(err, RH_E_INVALID, "the key's key_ops do not have verify");
}

static bool label(rh_key *k, const json_t *jwk, rh_err *err)
{
    const char *kid = text_member(jwk, "kid"), *name = text_member(jwk, "alg");
    if (json_object_get(jwk, "kid") && (!kid || strlen(kid) > RH_KID_MAX_BYTES))
        return rh_err_set(err, RH_E_INVALID, "the key's kid is not a string of at most %d bytes",
                          RH_KID_MAX_BYTES);
    rh_key_set_kid(k, kid);
    if (!json_object_get(jwk, "alg"))
        return true;
    const rh_alg *alg = name ? rh_alg_find(name) : NULL;
    return (alg && rh_key_restrict(k, alg)) ||
           rh_err_set(err, RH_E_INVALID, "the key's alg is not supported, or not one of its kind");
}

rh_key *rh_key_from_jwk(const json_t *jwk, rh_err *err)
{
    const char *kty = text_member(jwk, "kty");
    const struct reader *r = readers, *end = readers + sizeof readers / sizeof *readers;
    while (r < end && (!kty || strcmp(r->kty, kty) != 0))
        r++;
    if (r == end) {
        rh_err_set(err, RH_E_INVALID, "the key's kty is none of RSA, EC, OKP and oct");
        return NULL;
    }
    if (r->is_public && json_object_get(jwk, "d")) {
        rh_err_set(err, RH_E_INVALID, "the key is a private one");
        rh_err_hint(err, "Leave out the private members: whoever reads them can sign tokens.");
        return NULL;
    }
    if (!check_purpose(jwk, err))
        return NULL;
    rh_arena *a = rh_arena_new();
    rh_key *k = r->read(a, jwk, err);
    rh_arena_free(a);
    if (!k || label(k, jwk, err))
        return k;
    rh_key_free(k);
    return NULL;
}
