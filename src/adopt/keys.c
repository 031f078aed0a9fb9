/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/keys.h"

#include <openssl/rand.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/jwt.h"
#include "auth/key_conf.h"
#include "base/clock.h"

#define MADE_BYTES 32

static const char *make_secret(rh_arena *a, rh_err *err)
{
    unsigned char bytes[MADE_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) == 1)
        return rh_base64url_encode(a, bytes, sizeof bytes);
    rh_err_set(err, RH_E_INTERNAL, "OpenSSL gives no random bytes");
    return NULL;
}

/* Both alphabets of base64, with or without padding. */
static const char *decode(rh_arena *a, const char *text, size_t *len, rh_err *err)
{
    char *copy = rh_arena_strdup(a, text);
    size_t n = strlen(copy);
    while (n && (copy[n - 1] == '=' || copy[n - 1] == '.'))
        n--;
    for (size_t i = 0; i < n; i++)
        copy[i] = copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i];
    const char *bytes = (const char *)rh_base64url_decode(a, copy, n, len);
    if (!bytes)
        rh_err_set(err, RH_E_CONF, "jwt-secret is not base64");
    return bytes;
}

rh_key_source *rh_adopt_key_source(rh_arena *a, const rh_conf *conf, const char **made, rh_err *err)
{
    const char *secret = conf->auth_secret;
    *made = NULL;
    if (!*secret && !rh_key_conf_foreign(conf) && !(secret = *made = make_secret(a, err)))
        return NULL;
    size_t len = strlen(secret);
    if (!*made && conf->adopt_jwt_secret_is_base64 && !(secret = decode(a, secret, &len, err)))
        return NULL;
    rh_key_source *keys = *secret == '{' ? rh_key_source_of_text(conf, secret, len, err)
                                         : rh_key_source_of_conf(conf, secret, len, err);
    if (!keys)
        rh_err_context(err, "jwt-secret");
    return keys;
}

const char *rh_adopt_token(rh_arena *a, const char *secret, const char *role, int64_t ttl_s, rh_err *err)
{
    rh_jwt_rules rules = {.tenant_claim = "role", .audience = "", .issuer = ""};
    rh_jwt_keys *keys = rh_jwt_keys_from_secret(secret, strlen(secret), err);
    const char *token = keys ? rh_jwt_sign(a, keys, &rules, role, false, rh_wall_s(), ttl_s, err) : NULL;
    rh_jwt_keys_free(keys);
    return token;
}
