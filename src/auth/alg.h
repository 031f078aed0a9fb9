/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature algorithms of tokens (RFC 7518, RFC 8037), as one table. Each works with one kind of key and
 * each kind of key with its own algorithms only: nothing can make a public key an HMAC's secret, or one
 * curve's key another's.
 */
#ifndef RH_ALG_H
#define RH_ALG_H

#include <stdint.h>

#include "base/err.h"

/* EC keys are told apart by curve: an algorithm fixes it. */
typedef enum rh_key_kind { RH_KEY_SECRET, RH_KEY_RSA, RH_KEY_P256, RH_KEY_P384, RH_KEY_ED25519 } rh_key_kind;

/* To add one: add a row. X(name, kind of key, digest or NULL, bytes); bytes: of an HMAC, of a signature of
 * fixed length, 0 where the key says it. */
/* clang-format off */
#define RH_ALG_TABLE(X) \
    X(HS256, RH_KEY_SECRET, "SHA256", 32) \
    X(HS384, RH_KEY_SECRET, "SHA384", 48) \
    X(HS512, RH_KEY_SECRET, "SHA512", 64) \
    X(RS256, RH_KEY_RSA, "SHA256", 0) \
    X(RS384, RH_KEY_RSA, "SHA384", 0) \
    X(RS512, RH_KEY_RSA, "SHA512", 0) \
    X(ES256, RH_KEY_P256, "SHA256", 64) \
    X(ES384, RH_KEY_P384, "SHA384", 96) \
    X(EdDSA, RH_KEY_ED25519, NULL, 64)
/* clang-format on */

enum {
#define X(name, kind, digest, bytes) RH_ALG_##name,
    RH_ALG_TABLE(X)
#undef X
        RH_ALG_COUNT
};

typedef struct rh_alg {
    const char *name;
    rh_key_kind kind;
    const char *digest;
    size_t bytes;
    uint32_t bit; /* in a set of algorithms */
} rh_alg;

#define RH_ALGS_ALL (((uint32_t)1 << RH_ALG_COUNT) - 1)
#define RH_ALGS_HMAC ((uint32_t)1 << RH_ALG_HS256 | (uint32_t)1 << RH_ALG_HS384 | (uint32_t)1 << RH_ALG_HS512)

extern const rh_alg rh_algs[RH_ALG_COUNT];

/* By its name, exactly as it is written; NULL when there is none. */
const rh_alg *rh_alg_find(const char *name);
/* All algorithms of a kind of key. */
uint32_t rh_algs_of(rh_key_kind kind);
/* Names with commas or spaces between them; "" gives 0, which means no limit. RH_E_CONF names the word that
 * is none. */
bool rh_algs_parse(const char *text, uint32_t *set, rh_err *err);
/* "RS256, ES256", in the arena. */
const char *rh_algs_text(rh_arena *a, uint32_t set);

#endif
