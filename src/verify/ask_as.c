/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "auth/base64url.h"
#include "base/clock.h"
#include "base/file.h"
#include "verify/asker.h"

void rh_ask_bear(rh_asker *k, const char *token)
{
    rh_ask_header(k, "Authorization", rh_arena_printf(k->a, "Bearer %s", token));
}

static const char *claim_of(const rh_asker *k, const rh_verify_tenant *t)
{
    return k->conf->claim_is_slug ? t->slug : t->id;
}

static const char *sign(rh_asker *k, const rh_jwt_keys *keys, const char *claim, int64_t now)
{
    rh_err ignored;
    bool integer = !k->conf->claim_is_slug && k->conf->id_type == RH_ID_BIGINT;
    const char *token = rh_jwt_sign(k->a, keys, &k->rules.jwt, claim, integer, now, RH_ASK_TTL_S, &ignored);
    return token ? token : "x.y.z";
}

/* The token's payload under a header that asks for no signature. */
static const char *unsigned_token(rh_asker *k, const char *token)
{
    static const char header[] = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
    const char *payload = strchr(token, '.') + 1;
    return rh_arena_printf(k->a, "%s.%.*s.",
                           rh_base64url_encode(k->a, (const unsigned char *)header, sizeof header - 1),
                           (int)strcspn(payload, "."), payload);
}

void rh_ask_identify(rh_asker *k)
{
    const char *trusted = k->conf->auth_trusted_header;
    bool by_header = *trusted && rh_dice_chance(k->dice, 60);
    if (by_header)
        rh_ask_header(k, trusted, claim_of(k, k->me));
    if (!by_header || rh_dice_chance(k->dice, 30))
        rh_ask_bear(k, k->me->token);
}

static rh_verify_tenant *suspended_one(rh_asker *k)
{
    for (int i = 0; i < k->w->n; i++)
        if (k->w->tenants[i].suspended)
            return &k->w->tenants[i];
    return k->other;
}

void rh_ask_as_nobody(rh_asker *k)
{
    const char *trusted = k->conf->auth_trusted_header, *claim = claim_of(k, k->me), *as;
    int64_t now = rh_wall_s();
    int choice = rh_dice_int(k->dice, *trusted ? 9 : 7);
    switch (choice) {
    case 0:
        as = "no token";
        break;
    case 1:
        as = "a token signed by somebody else";
        rh_ask_bear(k, sign(k, k->wrong_keys, claim, now));
        break;
    case 2:
        as = "a token without signature";
        rh_ask_bear(k, unsigned_token(k, k->me->token));
        break;
    case 3:
        as = "an expired token";
        rh_ask_bear(k, sign(k, k->keys, claim, now - 3 * RH_ASK_TTL_S));
        break;
    case 4:
        as = "a token for nobody";
        rh_ask_bear(k, sign(k, k->keys,
                            k->conf->claim_is_slug           ? "zzzz"
                            : k->conf->id_type == RH_ID_UUID ? "00000000-0000-4000-8000-000000000000"
                                                             : "7",
                            now));
        break;
    case 5:
        as = "a broken token";
        rh_ask_bear(k, rh_arena_printf(k->a, "%.*s", (int)strlen(k->me->token) - 3, k->me->token));
        break;
    case 6:
        as = "a suspended tenant's token";
        rh_ask_bear(k, suspended_one(k)->token);
        claim = claim_of(k, suspended_one(k));
        break;
    case 7:
        as = "a token and the trusted header of another";
        rh_ask_bear(k, k->me->token);
        rh_ask_header(k, trusted, claim_of(k, k->other));
        rh_str_addf(&k->plain, " [%s]", claim_of(k, k->other));
        break;
    default:
        as = "a broken token and the trusted header";
        rh_ask_bear(k, "x.y.z");
        rh_ask_header(k, trusted, claim);
    }
    if (choice) /* what the token or the header names may be named in the refusal */
        rh_str_addf(&k->plain, " [%s for %s]", as, claim);
    else
        rh_str_addf(&k->plain, " [%s]", as);
    k->ask->own = RH_NOBODY;
    k->ask->kind = choice == 6 ? "suspended" : "token";
}

/* Headers that a careless server could take the tenant from; the one that the app trusts is not among them.
 */
void rh_ask_forge(rh_asker *k)
{
    static const char *const names[] = {"X-Tenant", "X-Tenant-Id",      "X-Client",       "X-Forwarded-User",
                                        "Cookie",   "X-Forwarded-Host", "Accept-Profile", "Content-Profile"};
    const char *name = RH_DICE_PICK(k->dice, names), *trusted = k->conf->auth_trusted_header;
    if (!rh_dice_chance(k->dice, 8))
        return;
    if (*trusted && strcasecmp(name, trusted) == 0)
        return;
    if (strstr(name, "Profile"))
        rh_ask_told_header(k, name, k->other->home.schema);
    else
        rh_ask_told_header(k, name,
                           strcmp(name, "Cookie") == 0 ? rh_arena_printf(k->a, "tenant=%s", k->other->id)
                                                       : k->other->id);
    if (rh_dice_chance(k->dice, 20)) {
        k->ask->host = rh_arena_printf(k->a, "%s.example.com", k->other->slug);
        rh_str_addf(&k->plain, " [Host: %s]", k->ask->host);
    }
}
