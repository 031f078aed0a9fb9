/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/token.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
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

/* ---- where the keys come from ---- */

static rh_jwt_keys *keys_of_secret(const rh_app *app, rh_arena *a, rh_err *err)
{
    const char *secret = rh_app_jwt_secret(app, a, err);
    return secret ? rh_jwt_keys_from_secret(secret, strlen(secret), err) : NULL;
}

static rh_jwt_keys *keys_of_file(const rh_conf *conf, rh_arena *a, rh_err *err)
{
    size_t n;
    rh_err why;
    const char *name = conf->auth_key_file;
    const char *path = *name == '/' ? name : rh_arena_printf(a, "%s/%s", conf->dir, name);
    const char *text = rh_file_read(a, path, RH_KEYS_TEXT_MAX, &n, err);
    rh_jwt_keys *keys = text ? rh_jwt_keys_read(text, n, RH_KEYS_FROM_FILE, err) : NULL;
    if (text && !keys) {
        err->code = RH_E_CONF;
        rh_err_context(err, "%s", path);
    }
    if (keys && rh_jwt_keys_left_out(keys, &why))
        rh_log_err(RH_LOG_WARN, path, &why);
    if (!keys)
        rh_err_context(err, "auth.key_file");
    return keys;
}

/* A set that never changes and that no token could pass is a mistake. */
static bool check_usable(const rh_conf *conf, const rh_jwt_keys *keys, rh_arena *a, rh_err *err)
{
    if (!conf->algorithms || (rh_jwt_keys_algs(keys) & conf->algorithms))
        return true;
    rh_err_set(err, RH_E_CONF, "auth.algorithms \"%s\" accepts no token at all", conf->auth_algorithms);
    return rh_err_hint(err, "The keys are good for %s.", rh_algs_text(a, rh_jwt_keys_algs(keys)));
}

static rh_key_source *fixed_source(const rh_app *app, rh_arena *a, rh_err *err)
{
    const rh_conf *conf = app->conf;
    rh_jwt_keys *keys = *conf->auth_key_file ? keys_of_file(conf, a, err) : keys_of_secret(app, a, err);
    if (keys && check_usable(conf, keys, a, err))
        return rh_key_source_fixed(keys);
    rh_jwt_keys_free(keys);
    return NULL;
}

static void warn_of_plain_http(const char *url)
{
    static const char *const fine[] = {"https:", "http://127.", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        if (strncasecmp(url, fine[i], strlen(fine[i])) == 0)
            return;
    rh_log(RH_LOG_WARN,
           "auth.jwks_url is not https: who can change the answer can make tokens for every tenant");
}

rh_key_source *rh_token_key_source(const rh_app *app, rh_err *err)
{
    const rh_conf *conf = app->conf;
    rh_key_source_settings settings = {.url = conf->auth_jwks_url,
                                       .min_interval_ms = conf->auth_jwks_min_interval,
                                       .max_age_ms = conf->auth_jwks_max_age};
    if (*conf->auth_jwks_url) {
        warn_of_plain_http(conf->auth_jwks_url);
        return rh_key_source_start(&settings, err);
    }
    rh_arena *a = rh_arena_new();
    rh_key_source *source = fixed_source(app, a, err);
    rh_arena_free(a);
    return source;
}

/* ---- making tokens ---- */

const char *rh_token_foreign(const rh_conf *conf)
{
    return *conf->auth_key_file ? "auth.key_file" : *conf->auth_jwks_url ? "auth.jwks_url" : NULL;
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
