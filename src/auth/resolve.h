/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tenant is it? One resolver for every door, and it fails closed. A verified token's claim is
 * authoritative; a trusted header, only where the conf names one, stands in for it or must agree with it.
 */
#ifndef RH_RESOLVE_H
#define RH_RESOLVE_H

#include "auth/jwt.h"

/* Settings and a bounded cache of verified tokens. One per loop thread; used by that thread only. */
typedef struct rh_resolver rh_resolver;

typedef struct rh_resolve_rules {
    rh_jwt_rules jwt;
    bool claim_is_slug;         /* what claim and header hold: slug, or id */
    bool id_is_uuid;            /* type of ids, to bring them to their canonical form */
    const char *trusted_header; /* "" : none */
} rh_resolve_rules;

/* The rules are copied; the keys (NULL: none yet) stay the caller's, until the resolver ends or gets others.
 */
rh_resolver *rh_resolver_new(const rh_resolve_rules *rules, const rh_jwt_keys *keys);
void rh_resolver_free(rh_resolver *r);
/* From now on these keys verify; whatever was verified with the old ones is forgotten. */
void rh_resolver_set_keys(rh_resolver *r, const rh_jwt_keys *keys);

/* The same of these two rules, where they differ from what they were. */
void rh_resolver_set_claims(rh_resolver *r, const char *audience, const char *role_path);

typedef struct rh_resolver_stats {
    uint64_t hits, misses; /* of tokens in the cache */
} rh_resolver_stats;
rh_resolver_stats rh_resolver_stats_read(const rh_resolver *r);

typedef struct rh_identity {
    bool is_slug;
    char ref[64];           /* canonical id (decimal, or lower-case uuid) or slug; NUL-terminated */
    int64_t expires;        /* of the token, INT64_MAX without */
    bool retry_after_fetch; /* also set on failure: keys newer than the resolver's may verify the token */
} rh_identity;

/* What a token says of who asks a database that roles keep apart; texts are the resolver's, until it resolves
 * again. */
typedef struct rh_role_identity {
    bool has_token;
    const char *role;   /* "" where the token names none, or there is none */
    const char *claims; /* the payload, with the role as its "role"; NULL without a token */
    const char *tenant; /* of the tenant claim, as it stands there; "" */
    bool retry_after_fetch;
} rh_role_identity;

/* authorization: the whole header value or NULL; header: value of the trusted header or NULL, ignored unless
 * the rules name one. A present Authorization must be `Bearer TOKEN` with a sound token: there is no falling
 * back from a broken one. Errors: NO_TENANT (401) when nothing names a tenant, JWT and JWT_CLAIMS (401),
 * NO_KEYS (503), TENANT_MISMATCH (403) when claim and header differ, UNKNOWN_TENANT (403) when what is named
 * cannot be a tenant. A token seen before allocates nothing. */
bool rh_resolve(rh_resolver *r, const char *authorization, const char *header, int64_t now_s,
                rh_identity *out, rh_err *err);

/* As rh_resolve(), where rules.jwt has a role_path: the same of authorization; no header counts, and a
 * request without a token is nobody's, which is no error. */
bool rh_resolve_role(rh_resolver *r, const char *authorization, int64_t now_s, rh_role_identity *out,
                     rh_err *err);

/* Brings a tenant id as text to its canonical form: "007", "-0" and "+7" are refused, as is what no bigint
 * holds; uuids become lower case. */
bool rh_tenant_id_canonical(const char *text, bool is_uuid, char out[64]);
/* Slugs: a letter first, then letters, digits, '-' and '_', all lower case, at most 63 bytes; no uuid. */
bool rh_slug_ok(const char *slug);

#endif
