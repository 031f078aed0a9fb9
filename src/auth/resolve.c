/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/resolve.h"

#include <ctype.h>
#include <string.h>

#include "auth/token_cache.h"
#include "base/sabotage.h"

#define CACHE_ENTRIES 4096
#define CACHE_BYTES ((size_t)2 << 20) /* about 4,000 usual tokens; bounds what long ones may take */
#define SLUG_MAX_BYTES 63

struct rh_resolver {
    rh_resolve_rules rules;
    const rh_jwt_keys *keys;
    rh_token_cache *cache;
    rh_resolver_stats stats;
    rh_arena *settings;   /* the strings of rules */
    rh_arena *claims;     /* those that rh_resolver_set_claims() brought */
    rh_arena *scratch;    /* for one verification, cleared before the next */
    rh_token_facts facts; /* of rh_resolve_role() */
};

rh_resolver *rh_resolver_new(const rh_resolve_rules *rules, const rh_jwt_keys *keys)
{
    rh_resolver *r = rh_xcalloc(1, sizeof *r);
    r->settings = rh_arena_new();
    r->claims = rh_arena_new();
    r->scratch = rh_arena_new();
    r->cache = rh_token_cache_new(CACHE_ENTRIES, CACHE_BYTES);
    r->keys = keys;
    r->rules = *rules;
    r->rules.jwt.tenant_claim = rh_arena_strdup(r->settings, rules->jwt.tenant_claim);
    r->rules.jwt.audience = rh_arena_strdup(r->settings, rules->jwt.audience);
    r->rules.jwt.issuer = rh_arena_strdup(r->settings, rules->jwt.issuer);
    r->rules.jwt.role_path = rh_arena_strdup(r->settings, rules->jwt.role_path);
    r->rules.trusted_header = rh_arena_strdup(r->settings, rules->trusted_header);
    return r;
}

void rh_resolver_free(rh_resolver *r)
{
    if (!r)
        return;
    rh_token_cache_free(r->cache);
    rh_arena_free(r->scratch);
    rh_arena_free(r->claims);
    rh_arena_free(r->settings);
    free(r);
}

void rh_resolver_set_keys(rh_resolver *r, const rh_jwt_keys *keys)
{
    r->keys = keys;
    rh_token_cache_clear(r->cache);
}

void rh_resolver_set_claims(rh_resolver *r, const char *audience, const char *role_path)
{
    if (strcmp(r->rules.jwt.audience, audience) == 0 && strcmp(r->rules.jwt.role_path, role_path) == 0)
        return;
    rh_arena_clear(r->claims);
    r->rules.jwt.audience = rh_arena_strdup(r->claims, audience);
    r->rules.jwt.role_path = rh_arena_strdup(r->claims, role_path);
    rh_token_cache_clear(r->cache);
}

/* ---- ids and slugs ---- */

bool rh_tenant_id_canonical(const char *text, bool is_uuid, char out[64])
{
    int64_t number;
    if (is_uuid) {
        if (!rh_is_uuid(text))
            return false;
        for (; *text; text++)
            *out++ = (char)tolower((unsigned char)*text);
        *out = 0;
        return true;
    }
    /* one number, one spelling: what the number is printed as must be what was given */
    if (!rh_parse_int(text, &number))
        return false;
    snprintf(out, 64, "%lld", (long long)number);
    return strcmp(out, text) == 0;
}

bool rh_slug_ok(const char *slug)
{
    size_t n = strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return *slug >= 'a' && *slug <= 'z' && n <= SLUG_MAX_BYTES && !slug[n] &&
           !rh_is_uuid(slug); /* that would be another tenant's id */
}

/* What claim or header says, in canonical form. */
static bool canonical(const rh_resolver *r, const char *text, char out[64])
{
    if (!r->rules.claim_is_slug)
        return rh_tenant_id_canonical(text, r->rules.id_is_uuid, out);
    if (!rh_slug_ok(text))
        return false;
    snprintf(out, 64, "%s", text);
    return true;
}

static bool not_a_tenant(const rh_resolver *r, const char *of, const char *where, rh_err *err)
{
    rh_err_set(err, RH_E_UNKNOWN_TENANT, "the %s%s does not name a tenant", of, where);
    return rh_err_hint(err, "It must hold a tenant's %s.",
                       r->rules.claim_is_slug ? "slug"
                       : r->rules.id_is_uuid  ? "id, a uuid"
                                              : "id, a number");
}

/* ---- the token ---- */

/* The token within `Bearer TOKEN`; NULL when the header has another form. */
static const char *bearer_token(const char *authorization, rh_err *err)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        rh_err_set(err, RH_E_JWT, "Unsupported token type");
        rh_err_hint(err, "Send `Authorization: Bearer TOKEN`.");
        return NULL;
    }
    const char *token = authorization + sizeof scheme - 1;
    if (*token)
        return token;
    rh_err_set(err, RH_E_JWT, "Empty JWT is sent in Authorization header");
    return NULL;
}

static bool verify(rh_resolver *r, const char *token, size_t len, int64_t now_s, rh_token_facts *facts,
                   bool *unknown_key, rh_err *err)
{
    rh_jwt_claims claims;
    *facts = (rh_token_facts){0};
    bool ok = rh_jwt_verify(r->keys, &r->rules.jwt, token, len, now_s, r->scratch, &claims, err);
    *unknown_key = claims.unknown_key;
    if (!ok)
        return false;
    facts->expires = claims.expires;
    facts->not_before = claims.not_before;
    facts->issued = claims.issued;
    facts->names_tenant = claims.tenant != NULL;
    if (r->rules.jwt.role_path) {
        snprintf(facts->role, sizeof facts->role, "%s", claims.role ? claims.role : "");
        snprintf(facts->ref, sizeof facts->ref, "%s", claims.tenant ? claims.tenant : "");
        facts->claims = claims.json;
        return true;
    }
    if (claims.tenant && !canonical(r, claims.tenant, facts->ref))
        return not_a_tenant(r, "token's ", "tenant claim", err);
    return true;
}

rh_resolver_stats rh_resolver_stats_read(const rh_resolver *r)
{
    return r->stats;
}

/* What the token says: remembered, or verified and then remembered. */
static bool token_facts(rh_resolver *r, const char *authorization, int64_t now_s, rh_token_facts *facts,
                        bool *unknown_key, rh_err *err)
{
    const char *token = bearer_token(authorization, err);
    if (!token)
        return false;
    size_t len = strlen(token);
    const rh_token_facts *known = rh_token_cache_get(r->cache, token, len);
    if (known) {
        r->stats.hits++;
        *facts = *known;
        if (rh_jwt_check_times(facts->expires, facts->not_before, facts->issued, now_s, r->rules.jwt.leeway_s,
                               err))
            return true;
        rh_token_cache_del(r->cache, token, len);
        return false;
    }
    r->stats.misses++;
    rh_arena_clear(r->scratch);
    bool ok = verify(r, token, len, now_s, facts, unknown_key, err);
    if (ok)
        rh_token_cache_put(r->cache, token, len, facts);
    return ok;
}

bool rh_resolve(rh_resolver *r, const char *authorization, const char *header, int64_t now_s,
                rh_identity *out, rh_err *err)
{
    rh_token_facts facts = {.expires = INT64_MAX};
    char named[64] = "";
    *out = (rh_identity){.expires = INT64_MAX};
    if (!*r->rules.trusted_header)
        header = NULL;
    if (authorization && !token_facts(r, authorization, now_s, &facts, &out->retry_after_fetch, err))
        return false;
    bool usable = header && canonical(r, header, named);
    if (rh_sabotaged("claim") && usable)
        facts.names_tenant = false;
    if (facts.names_tenant && header && (!usable || strcmp(facts.ref, named) != 0)) {
        rh_err_set(err, RH_E_TENANT_MISMATCH, "token and header %s do not name the same tenant",
                   r->rules.trusted_header);
        return rh_err_hint(err, "Leave the header out, or send the tenant that the token names.");
    }
    if (!facts.names_tenant && header && *header && !usable)
        return not_a_tenant(r, "header ", r->rules.trusted_header, err);
    if (!facts.names_tenant && !usable) {
        rh_err_set(err, RH_E_NO_TENANT, "no tenant is named");
        if (*r->rules.trusted_header)
            return rh_err_hint(err, "Send the header %s with the tenant's %s, or a token.",
                               r->rules.trusted_header, r->rules.claim_is_slug ? "slug" : "id");
        return rh_err_hint(err,
                           "Send `Authorization: Bearer TOKEN` with a token whose claim %s names the tenant.",
                           r->rules.jwt.tenant_claim);
    }
    out->is_slug = r->rules.claim_is_slug;
    out->expires = facts.expires;
    memcpy(out->ref, facts.names_tenant ? facts.ref : named, sizeof out->ref);
    return true;
}

bool rh_resolve_role(rh_resolver *r, const char *authorization, int64_t now_s, rh_role_identity *out,
                     rh_err *err)
{
    *out = (rh_role_identity){.role = "", .tenant = ""};
    if (!authorization)
        return true;
    r->facts = (rh_token_facts){0};
    if (!token_facts(r, authorization, now_s, &r->facts, &out->retry_after_fetch, err))
        return false;
    out->has_token = true;
    out->role = r->facts.role;
    out->claims = r->facts.claims;
    out->tenant = r->facts.ref;
    return true;
}
