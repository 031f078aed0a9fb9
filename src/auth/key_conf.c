/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/key_conf.h"

#include <string.h>
#include <strings.h>

#include "auth/alg.h"
#include "base/file.h"
#include "base/log.h"

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

static rh_key_source *fixed_source(const rh_conf *conf, rh_jwt_keys *keys, rh_arena *a, rh_err *err)
{
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

rh_key_source *rh_key_source_of_conf(const rh_conf *conf, const char *secret, size_t len, rh_err *err)
{
    rh_key_source_settings settings = {.url = conf->auth_jwks_url,
                                       .min_interval_ms = conf->auth_jwks_min_interval,
                                       .max_age_ms = conf->auth_jwks_max_age};
    if (*conf->auth_jwks_url) {
        warn_of_plain_http(conf->auth_jwks_url);
        return rh_key_source_start(&settings, err);
    }
    rh_arena *a = rh_arena_new();
    rh_jwt_keys *keys =
        *conf->auth_key_file ? keys_of_file(conf, a, err) : rh_jwt_keys_from_secret(secret, len, err);
    rh_key_source *source = fixed_source(conf, keys, a, err);
    rh_arena_free(a);
    return source;
}

rh_key_source *rh_key_source_of_text(const rh_conf *conf, const char *text, size_t len, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_key_source *source = fixed_source(conf, rh_jwt_keys_read(text, len, RH_KEYS_FROM_FILE, err), a, err);
    rh_arena_free(a);
    return source;
}

const char *rh_key_conf_foreign(const rh_conf *conf)
{
    return *conf->auth_key_file ? "auth.key_file" : *conf->auth_jwks_url ? "auth.jwks_url" : NULL;
}
