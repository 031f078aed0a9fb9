/* SPDX-License-Identifier: Apache-2.0
 *
 * Verified tokens and what they said, so that a client's second request costs no cryptography. Bounded in
 * entries and bytes; the least recently used goes first. Found by the bytes of the whole token: hashed by the
 * signature, then compared in full.
 *
 * Ownership: tokens are copied in; entries are the cache's and valid until the next put, del or clear. One
 * thread.
 */
#ifndef RH_TOKEN_CACHE_H
#define RH_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rh_token_cache rh_token_cache;

typedef struct rh_token_facts {
    int64_t expires, not_before,
        issued;         /* as in rh_jwt_claims: time goes on, so they are checked at each hit */
    bool names_tenant;  /* the claim was there */
    char ref[64];       /* the tenant in canonical form, "" when the claim was absent */
    char role[64];      /* "" when there was none, or nobody looked */
    const char *claims; /* the payload as text; the cache has its own copy. NULL: nobody wants it */
} rh_token_facts;

rh_token_cache *rh_token_cache_new(size_t max_entries, size_t max_bytes);
void rh_token_cache_free(rh_token_cache *c);
void rh_token_cache_clear(rh_token_cache *c);

const rh_token_facts *rh_token_cache_get(rh_token_cache *c, const char *token, size_t len); /* NULL: a miss */
void rh_token_cache_put(rh_token_cache *c, const char *token, size_t len, const rh_token_facts *facts);
void rh_token_cache_del(rh_token_cache *c, const char *token, size_t len);
size_t rh_token_cache_count(const rh_token_cache *c);

#endif
