/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/token.h"

#include <string.h>

#include "auth/key_conf.h"
#include "base/clock.h"
#include "sql.h"

void rh_token_rules(const rh_conf *conf, rh_resolve_rules *out)
{
    *out = (rh_resolve_rules){
        .jwt = {.tenant_claim = conf->auth_tenant_claim,
                .audience = conf->auth_audience,
                .issuer = conf->auth_issuer,
                .leeway_s = conf->auth_leeway / 1000,
                .algorithms = conf->algorithms},
        .claim_is_slug = conf->claim_is_slug,
        .id_is_uuid = conf->id_type == RH_ID_UUID,
        .trusted_header = conf->auth_trusted_header,
    };
}

static rh_jwt_keys *keys_of_secret(const rh_app *app, rh_arena *a, rh_err *err)
{
    const char *secret = rh_app_jwt_secret(app, a, err);
    return secret ? rh_jwt_keys_from_secret(secret, strlen(secret), err) : NULL;
}

rh_key_source *rh_token_key_source(const rh_app *app, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_key_source *source = NULL;
    const char *secret = rh_key_conf_foreign(app->conf) ? "" : rh_app_jwt_secret(app, a, err);
    if (secret)
        source = rh_key_source_of_conf(app->conf, secret, strlen(secret), err);
    rh_arena_free(a);
    return source;
}

/* ---- making tokens ---- */

const char *rh_token_foreign(const rh_conf *conf)
{
    return rh_key_conf_foreign(conf);
}

static bool signs_tokens(const rh_conf *conf, rh_err *err)
{
    const char *named = rh_token_foreign(conf);
    if (!named)
        return true;
    rh_err_set(err, RH_E_STATE, "the app has no secret to sign tokens with: %s is set", named);
    return rh_err_hint(
        err, "Get one from the identity provider whose keys these are, with the tenant in the claim %s.",
        conf->auth_tenant_claim);
}

const char *rh_tenant_token(rh_operator *o, rh_arena *a, const char *ref, int64_t ttl_s, rh_err *err)
{
    rh_resolve_rules rules;
    const rh_conf *conf = o->app->conf;
    const char *id = signs_tokens(conf, err) ? rh_tenant_find(o, a, ref, err) : NULL;
    const char *claim =
        id && conf->claim_is_slug ? rh_db_value(o->catalog, a, rh_sql_tenants_slug, 1, &id, err) : id;
    rh_jwt_keys *keys = claim ? keys_of_secret(o->app, a, err) : NULL;
    if (!keys)
        return NULL;
    rh_token_rules(conf, &rules);
    bool integer = !conf->claim_is_slug && conf->id_type == RH_ID_BIGINT;
    const char *token = rh_jwt_sign(a, keys, &rules.jwt, claim, integer, rh_wall_s(), ttl_s, err);
    rh_jwt_keys_free(keys);
    return token;
}
