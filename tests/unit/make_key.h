/* SPDX-License-Identifier: Apache-2.0
 *
 * Key pairs, their JWKs and PEMs, and tokens signed with them, independently of auth/: for tests and fuzzers.
 */
#ifndef RH_TEST_MAKE_KEY_H
#define RH_TEST_MAKE_KEY_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "make_token.h"

static inline char *number_member(rh_arena *a, const EVP_PKEY *pkey, const char *name, int bytes)
{
    unsigned char out[2048];
    BIGNUM *n = NULL;
    if (!EVP_PKEY_get_bn_param(pkey, name, &n) || BN_num_bytes(n) > (int)sizeof out)
        abort();
    int len = bytes ? bytes : BN_num_bytes(n);
    BN_bn2binpad(n, out, len);
    BN_free(n);
    return rh_base64url_encode(a, out, (size_t)len);
}

/* The public key's own members: {"kty": ... without the closing brace, so that others can follow. */
static inline char *jwk_members(rh_arena *a, const EVP_PKEY *pkey)
{
    unsigned char raw[32];
    size_t n = sizeof raw;
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return rh_arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"",
                               number_member(a, pkey, "n", 0), number_member(a, pkey, "e", 0));
    if (EVP_PKEY_is_a(pkey, "EC")) {
        int bits = EVP_PKEY_get_bits(pkey), bytes = (bits + 7) / 8;
        return rh_arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\",\"y\":\"%s\"", bits,
                               number_member(a, pkey, OSSL_PKEY_PARAM_EC_PUB_X, bytes),
                               number_member(a, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, bytes));
    }
    if (!EVP_PKEY_get_raw_public_key(pkey, raw, &n))
        abort();
    return rh_arena_printf(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"",
                           rh_base64url_encode(a, raw, n));
}

/* more: further members, each with a comma before it. */
static inline char *make_jwk(rh_arena *a, const EVP_PKEY *pkey, const char *more)
{
    return rh_arena_printf(a, "%s%s}", jwk_members(a, pkey), more);
}

static inline char *bio_text(rh_arena *a, BIO *bio)
{
    char *bytes;
    long n = BIO_get_mem_data(bio, &bytes);
    char *text = rh_arena_strndup(a, bytes, (size_t)n);
    BIO_free(bio);
    return text;
}

static inline char *make_pem(rh_arena *a, const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!PEM_write_bio_PUBKEY(bio, pkey))
        abort();
    return bio_text(a, bio);
}

static inline char *make_private_pem(rh_arena *a, const EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL))
        abort();
    return bio_text(a, bio);
}

/* A self-signed one that has run out: only its key counts. */
static inline char *make_certificate(rh_arena *a, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *x = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), -3600);
    X509_set_pubkey(x, pkey);
    if (!X509_sign(x, pkey, EVP_sha256()) || !PEM_write_bio_X509(bio, x))
        abort();
    X509_free(x);
    return bio_text(a, bio);
}

/* r and s side by side, as tokens have them. */
static inline size_t raw_ecdsa(unsigned char *sig, size_t len, int half)
{
    const unsigned char *at = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + half, half);
    ECDSA_SIG_free(pair);
    return (size_t)half * 2;
}

/* digest: NULL for Ed25519. */
static inline char *sign_token(rh_arena *a, EVP_PKEY *pkey, const char *digest, const char *header,
                               const char *payload)
{
    unsigned char sig[2048];
    size_t n = sizeof sig;
    char *text = rh_arena_printf(a, "%s.%s", rh_base64url_encode(a, header, strlen(header)),
                                 rh_base64url_encode(a, payload, strlen(payload)));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) != 1 ||
        EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text, strlen(text)) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_is_a(pkey, "EC"))
        n = raw_ecdsa(sig, n, (EVP_PKEY_get_bits(pkey) + 7) / 8);
    return rh_arena_printf(a, "%s.%s", text, rh_base64url_encode(a, sig, n));
}

#endif
