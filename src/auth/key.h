/* SPDX-License-Identifier: Apache-2.0
 *
 * One key that verifies tokens: a secret (HMAC) or a public key (RSA, EC, Ed25519). Read once, used by many
 * threads; cryptography is OpenSSL's. Keys too weak to trust are never made: secrets below 32 bytes, RSA
 * below 2048 bits, points that are not on their curve.
 *
 * Ownership: the caller's until rh_key_free(). Immutable but for the setters, which come before sharing.
 */
#ifndef RH_KEY_H
#define RH_KEY_H

#include <openssl/types.h>

#include "auth/alg.h"

#define RH_SECRET_MIN_BYTES 32
#define RH_RSA_MIN_BITS 2048
#define RH_RSA_MAX_BITS 8192 /* what a stranger's token may cost */
#define RH_KID_MAX_BYTES 256

typedef struct rh_key rh_key;

/* Copied. Error: JWT_SECRET, also for a text that is a public key in disguise (PEM, JWK). */
rh_key *rh_key_from_secret(const char *secret, size_t len, rh_err *err);
/* Takes the reference to pkey, even on failure. Error: INVALID. */
rh_key *rh_key_from_pkey(EVP_PKEY *pkey, rh_err *err);
void rh_key_free(rh_key *k);

const char *rh_key_kid(const rh_key *k); /* NULL: it has none */
uint32_t rh_key_algs(const rh_key *k);   /* what it can verify */

/* ---- for jwk.c ---- */
void rh_key_set_kid(rh_key *k, const char *kid);
/* From now on for this algorithm only. False when it is not one of the key's. */
bool rh_key_restrict(rh_key *k, const rh_alg *alg);

/* False as well for an algorithm that is not the key's. */
bool rh_key_verify(const rh_key *k, const rh_alg *alg, const void *bytes, size_t n,
                   const unsigned char *signature, size_t signature_len);
/* With a secret only: alg->bytes bytes to out. False for another key or algorithm. */
bool rh_key_hmac(const rh_key *k, const rh_alg *alg, const void *bytes, size_t n, unsigned char *out);

#endif
