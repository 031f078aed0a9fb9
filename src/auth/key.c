/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define HMAC_MAX_BYTES 64
#define ECDSA_DER_MAX_BYTES 128

struct rh_key {
    rh_key_kind kind;
    uint32_t algs;
    char *kid;
    EVP_PKEY *pkey;                  /* NULL for a secret */
    EVP_MAC_CTX *hmac[RH_ALG_COUNT]; /* keyed once, duplicated for each use: a context works for one thread */
    EVP_MD_CTX *verify[RH_ALG_COUNT]; /* likewise; looking up the algorithm costs as much as the work */
};

static rh_key *new_key(rh_key_kind kind)
{
    rh_key *k = rh_xcalloc(1, sizeof *k);
    k->kind = kind;
    k->algs = rh_algs_of(kind);
    return k;
}

void rh_key_free(rh_key *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < RH_ALG_COUNT; i++) {
        EVP_MAC_CTX_free(k->hmac[i]);
        EVP_MD_CTX_free(k->verify[i]);
    }
    EVP_PKEY_free(k->pkey);
    free(k->kid);
    free(k);
}

const char *rh_key_kid(const rh_key *k)
{
    return k->kid;
}

uint32_t rh_key_algs(const rh_key *k)
{
    return k->algs;
}

void rh_key_set_kid(rh_key *k, const char *kid)
{
    free(k->kid);
    k->kid = rh_xstrdup(kid);
}

bool rh_key_restrict(rh_key *k, const rh_alg *alg)
{
    k->algs &= alg->bit;
    return k->algs != 0;
}

/* ---- secrets ---- */

/* Who puts a public key where the secret goes would let everybody who knows it sign. */
static bool looks_public(const char *secret, size_t len)
{
    static const char pem[] = "-----BEGIN ";
    while (len && strchr(" \t\r\n", *secret))
        secret++, len--;
    return (len && *secret == '{' && memmem(secret, len, "\"kty\"", 5)) ||
           memmem(secret, len, pem, sizeof pem - 1);
}

static EVP_MAC_CTX *keyed(EVP_MAC *mac, const rh_alg *alg, const char *secret, size_t len)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)alg->digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    if (ctx && EVP_MAC_init(ctx, (const unsigned char *)secret, len, params))
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static bool check_secret(const char *secret, size_t len, rh_err *err)
{
    if (len < RH_SECRET_MIN_BYTES) {
        rh_err_set(err, RH_E_JWT_SECRET, "the token secret has %zu bytes", len);
        return rh_err_hint(err, "HS256 wants at least %d, for example from `openssl rand -hex 32`.",
                           RH_SECRET_MIN_BYTES);
    }
    if (looks_public(secret, len)) {
        rh_err_set(err, RH_E_JWT_SECRET, "the token secret is the text of a key");
        return rh_err_hint(err, "Put a PEM or JWK into a file and name it in auth.key_file.");
    }
    return true;
}

rh_key *rh_key_from_secret(const char *secret, size_t len, rh_err *err)
{
    if (!check_secret(secret, len, err))
        return NULL;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    rh_key *k = new_key(RH_KEY_SECRET);
    k->algs = 0;
    for (size_t i = 0; mac && i < RH_ALG_COUNT; i++) /* RFC 7518, 3.2: a secret as long as its HMAC */
        if (rh_algs[i].kind == RH_KEY_SECRET && len >= rh_algs[i].bytes &&
            (k->hmac[i] = keyed(mac, &rh_algs[i], secret, len)))
            k->algs |= rh_algs[i].bit;
    EVP_MAC_free(mac); /* the contexts keep their own references */
    if (k->algs)
        return k;
    rh_key_free(k);
    rh_err_set(err, RH_E_JWT_SECRET, "OpenSSL cannot make an HMAC key");
    return NULL;
}

bool rh_key_hmac(const rh_key *k, const rh_alg *alg, const void *bytes, size_t n, unsigned char *out)
{
    size_t len = 0;
    EVP_MAC_CTX *keyed_ctx = k->algs & alg->bit ? k->hmac[alg - rh_algs] : NULL;
    EVP_MAC_CTX *ctx = keyed_ctx ? EVP_MAC_CTX_dup(keyed_ctx) : NULL;
    bool ok = ctx && EVP_MAC_update(ctx, bytes, n) && EVP_MAC_final(ctx, out, &len, alg->bytes) &&
              len == alg->bytes;
    EVP_MAC_CTX_free(ctx);
    return ok;
}

/* ---- public keys ---- */

static bool kind_of_curve(const EVP_PKEY *pkey, rh_key_kind *kind)
{
    char name[64] = "";
    if (!EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, NULL))
        return false;
    *kind = strcmp(name, "prime256v1") == 0 ? RH_KEY_P256 : RH_KEY_P384;
    return *kind == RH_KEY_P256 || strcmp(name, "secp384r1") == 0;
}

static bool kind_of(const EVP_PKEY *pkey, rh_key_kind *kind, rh_err *err)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        *kind = RH_KEY_RSA;
    else if (EVP_PKEY_is_a(pkey, "ED25519"))
        *kind = RH_KEY_ED25519;
    else if (!EVP_PKEY_is_a(pkey, "EC") || !kind_of_curve(pkey, kind))
        return rh_err_set(err, RH_E_INVALID, "the key is of a kind that is not supported") ||
               rh_err_hint(err, "There are RSA, EC on P-256 or P-384, and Ed25519.");
    return true;
}

/* An exponent of 1 would make every text its own signature; a huge one would cost a second a token. */
static bool check_rsa(const EVP_PKEY *pkey, rh_err *err)
{
    BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(pkey);
    bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) && BN_is_odd(e) && !BN_is_one(e) &&
              BN_num_bits(e) <= 64;
    BN_free(e);
    if (!ok)
        return rh_err_set(err, RH_E_INVALID, "the RSA key has an exponent that cannot be used");
    return (bits >= RH_RSA_MIN_BITS && bits <= RH_RSA_MAX_BITS) ||
           rh_err_set(err, RH_E_INVALID, "the RSA key has %d bits, not %d to %d", bits, RH_RSA_MIN_BITS,
                      RH_RSA_MAX_BITS);
}

static bool check_public(EVP_PKEY *pkey, rh_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok || rh_err_set(err, RH_E_INVALID, "the key's numbers do not make a public key");
}

static bool prepare(rh_key *k, rh_err *err)
{
    for (size_t i = 0; i < RH_ALG_COUNT; i++) {
        if (!(k->algs & rh_algs[i].bit))
            continue;
        k->verify[i] = EVP_MD_CTX_new();
        if (!k->verify[i] ||
            EVP_DigestVerifyInit_ex(k->verify[i], NULL, rh_algs[i].digest, NULL, NULL, k->pkey, NULL) != 1)
            return rh_err_set(err, RH_E_INVALID, "OpenSSL cannot verify %s with this key", rh_algs[i].name);
    }
    return true;
}

rh_key *rh_key_from_pkey(EVP_PKEY *pkey, rh_err *err)
{
    rh_key_kind kind;
    if (kind_of(pkey, &kind, err) && (kind != RH_KEY_RSA || check_rsa(pkey, err)) &&
        check_public(pkey, err)) {
        rh_key *k = new_key(kind);
        k->pkey = pkey;
        if (prepare(k, err))
            return k;
        rh_key_free(k);
    } else {
        EVP_PKEY_free(pkey);
    }
    ERR_clear_error();
    return NULL;
}

/* A token's ECDSA signature is r and s side by side (RFC 7518, 3.4); OpenSSL wants them in DER. Its length,
 * 0 on failure. */
static int to_der(const unsigned char *raw, size_t len, unsigned char out[ECDSA_DER_MAX_BYTES])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)(len / 2), NULL), *s = BN_bin2bn(raw + len / 2, (int)(len / 2), NULL);
    int n = 0;
    if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
        BN_free(r);
        BN_free(s);
    } else if (i2d_ECDSA_SIG(sig, NULL) <= ECDSA_DER_MAX_BYTES) {
        n = i2d_ECDSA_SIG(sig, &out);
    }
    ECDSA_SIG_free(sig);
    return n < 0 ? 0 : n;
}

static bool verify_public(const rh_key *k, const rh_alg *alg, const void *bytes, size_t n,
                          const unsigned char *signature, size_t signature_len)
{
    unsigned char der[ECDSA_DER_MAX_BYTES];
    if (alg->bytes && signature_len != alg->bytes)
        return false;
    if (k->kind == RH_KEY_P256 || k->kind == RH_KEY_P384) {
        signature_len = (size_t)to_der(signature, signature_len, der);
        signature = der;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_MD_CTX_copy_ex(ctx, k->verify[alg - rh_algs]) == 1 &&
              EVP_DigestVerify(ctx, signature, signature_len, bytes, n) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        ERR_clear_error();
    return ok;
}

bool rh_key_verify(const rh_key *k, const rh_alg *alg, const void *bytes, size_t n,
                   const unsigned char *signature, size_t signature_len)
{
    unsigned char wanted[HMAC_MAX_BYTES];
    if (!(k->algs & alg->bit))
        return false;
    if (k->kind != RH_KEY_SECRET)
        return verify_public(k, alg, bytes, n, signature, signature_len);
    return signature_len == alg->bytes && rh_key_hmac(k, alg, bytes, n, wanted) &&
           CRYPTO_memcmp(signature, wanted, alg->bytes) == 0;
}
