/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Tokens (RFC 7519, RFC 7515 compact form): verifying what comes in, signing tokens for development.
 * Algorithms are those of auth/alg.h and what the keys (auth/keys.h) can do; a token with any other alg, none
 * included, is refused, and so is one with crit.
 *
 * Ownership: claims live in the arena given.
 */
#ifndef RH_JWT_H
#define RH_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"

#define RH_JWT_MAX_BYTES 8192 /* a longer token is refused unread */

typedef struct rh_jwt_rules {
    const char *tenant_claim;      /* a plain name, or a path: $.a.b, $["https://x/y"].z; "": there is none */
    const char *role_path;         /* auth/role_path.h; NULL: roles are not looked at */
    const char *audience, *issuer; /* "" : not checked; else required */
    int64_t leeway_s;
    uint32_t algorithms; /* a set of auth/alg.h that narrows what the keys can do; 0: no limit */
} rh_jwt_rules;

typedef struct rh_jwt_claims {
    const char *tenant; /* 1 to 63 bytes; a JSON integer is written in decimal; NULL when absent */
    /* Seconds since 1970, fractions rounded so that comparing whole seconds decides alike; INT64_MAX without
     * exp, INT64_MIN without nbf or iat. */
    int64_t expires, not_before, issued;
    const char *role; /* what stands at role_path, 1 to 63 bytes; NULL when nothing does */
    const char *json; /* the whole payload as text; where there is a role, with it as the claim "role" */
    bool unknown_key; /* refused, but keys newer than these may have signed it */
} rh_jwt_claims;

/* Checks form, alg, signature (an HMAC is compared in constant time), then exp, nbf, iat, aud, iss against
 * now_s. k: NULL while there are none yet, which is NO_KEYS. Errors, worded as PostgREST does: JWT,
 * JWT_CLAIMS. A tenant claim that is neither a string of 1 to 63 bytes nor an integer is JWT_CLAIMS too,
 * never "absent"; so is a role that is no string of 1 to 63 bytes. */
bool rh_jwt_verify(const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *token, size_t len,
                   int64_t now_s, rh_arena *a, rh_jwt_claims *out, rh_err *err);

/* The payload, as text, of the token in an Authorization header that was verified before; "{}" where there is
 * none. It proves nothing. */
const char *rh_jwt_claims_of(rh_arena *a, const char *authorization);

/* The part of it that time changes, for tokens that were verified before. Error: JWT_CLAIMS. */
bool rh_jwt_check_times(int64_t expires, int64_t not_before, int64_t issued, int64_t now_s, int64_t leeway_s,
                        rh_err *err);

/* The path is well-formed; checked when the conf is read. */
bool rh_jwt_claim_path_ok(const char *path, rh_err *err);

/* A token with the tenant claim (integer == true: as a JSON number), iat, exp = now + ttl, aud and iss from
 * the rules, signed with the first HMAC that keys and rules allow. Keys made from a secret only. */
char *rh_jwt_sign(rh_arena *a, const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *tenant,
                  bool integer, int64_t now_s, int64_t ttl_s, rh_err *err);

#endif
