/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that tokens are checked with: a set that never changes. A new state of affairs is a new set
 * (auth/key_source.h).
 *
 * Which key? The token's alg must be one of the key's (kind of key; the key's own alg, where it has one). A
 * token with a kid is checked with the keys of that kid, else with keys that have none; a token without kid
 * with all keys. Several keys may have one kid. What a token brings along as a key (jwk, jku, x5u, x5c) is
 * never looked at.
 *
 * Ownership: references are counted, across threads; who makes or retains a set lets it go by
 * rh_jwt_keys_free().
 */
#ifndef RH_KEYS_H
#define RH_KEYS_H

#include "auth/key.h"

#define RH_KEYS_MAX 64  /* of a set: more is not read */
#define RH_KEYS_TRIES 8 /* where more keys than that fit a token, its kid must say which */
#define RH_KEYS_TEXT_MAX ((size_t)256 << 10)

typedef struct rh_jwt_keys rh_jwt_keys;

/* One secret, copied. Error: JWT_SECRET. */
rh_jwt_keys *rh_jwt_keys_from_secret(const char *secret, size_t len, rh_err *err);

/* From whom the text comes: the operator, who may put secrets (kty oct) into a file and is told of what
 * cannot be used, or a published address, where a secret is none and a set without usable keys is an answer.
 */
typedef enum rh_keys_from { RH_KEYS_FROM_FILE, RH_KEYS_FROM_URL } rh_keys_from;

/* PEM (file only), a JWK, or a JWK set. In a set, keys that cannot be used are left out (RFC 7517, 5).
 * Error: INVALID. */
rh_jwt_keys *rh_jwt_keys_read(const char *text, size_t n, rh_keys_from from, rh_err *err);

rh_jwt_keys *rh_jwt_keys_retain(const rh_jwt_keys *k);
void rh_jwt_keys_free(const rh_jwt_keys *k); /* gives up one reference; NULL is allowed */

size_t rh_jwt_keys_count(const rh_jwt_keys *k);
uint32_t rh_jwt_keys_algs(const rh_jwt_keys *k);
/* How many keys of a set were left out; why, for the first one: *why is filled when there was one. */
size_t rh_jwt_keys_left_out(const rh_jwt_keys *k, rh_err *why);

typedef enum rh_keys_verdict {
    RH_KEYS_GOOD,
    RH_KEYS_BAD,     /* the key it names did not make this signature */
    RH_KEYS_UNKNOWN, /* no key, or none that the token names, made it: newer keys might have */
    RH_KEYS_CROWD,   /* no kid, and more than RH_KEYS_TRIES keys fit */
} rh_keys_verdict;

/* kid: NULL when the token has none. */
rh_keys_verdict rh_jwt_keys_verify(const rh_jwt_keys *k, const rh_alg *alg, const char *kid,
                                   const void *bytes, size_t n, const unsigned char *signature,
                                   size_t signature_len);
/* The HMAC of a set made from a secret: see rh_key_hmac(). */
bool rh_jwt_keys_hmac(const rh_jwt_keys *k, const rh_alg *alg, const void *bytes, size_t n,
                      unsigned char *out);

#endif
