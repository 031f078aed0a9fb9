/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/token.h"

#include <string.h>

#include "base/clock.h"
#include "sql.h"

void rh_token_rules(const rh_conf *conf, rh_resolve_rules *out)
{
    *out = (rh_resolve_rules){
        .jwt = {.tenant_claim = conf->auth_tenant_claim,
                .audience = conf->auth_audience,
                .issuer = conf->auth_issuer,
                .leeway_s = conf->auth_leeway / 1000},
        .claim_is_slug = conf->claim_is_slug,
        .id_is_uuid = conf->id_type == RH_ID_UUID,
        .trusted_header = conf->auth_trusted_header,
    };
}

const char *rh_tenant_token(rh_operator *o, rh_arena *a, const char *ref, int64_t ttl_s, rh_err *err)
{
    rh_resolve_rules rules;
    const rh_conf *conf = o->app->conf;
    const char *id = rh_tenant_find(o, a, ref, err), *secret = id ? rh_app_jwt_secret(o->app, a, err) : NULL;
    if (!secret)
        return NULL;
    const char *claim =
        conf->claim_is_slug ? rh_db_value(o->catalog, a, rh_sql_tenants_slug, 1, &id, err) : id;
    rh_jwt_keys *keys = claim ? rh_jwt_keys_from_secret(secret, strlen(secret), err) : NULL;
    if (!keys)
        return NULL;
    rh_token_rules(conf, &rules);
    bool integer = !conf->claim_is_slug && conf->id_type == RH_ID_BIGINT;
    const char *token = rh_jwt_sign(a, keys, &rules.jwt, claim, integer, rh_wall_s(), ttl_s, err);
    rh_jwt_keys_free(keys);
    return token;
}
