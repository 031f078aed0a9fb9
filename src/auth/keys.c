/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keys.h"

#include <stdatomic.h>
#include <string.h>

#include "auth/jwk.h"
#include "auth/pem.h"

struct rh_jwt_keys {
    atomic_int references;
    rh_key *keys[RH_KEYS_MAX];
    size_t n, offered, left_out;
    rh_err why; /* of the first left out */
};

static rh_jwt_keys *new_keys(void)
{
    rh_jwt_keys *k = rh_xcalloc(1, sizeof *k);
    atomic_init(&k->references, 1);
    return k;
}

rh_jwt_keys *rh_jwt_keys_retain(const rh_jwt_keys *k)
{
    rh_jwt_keys *mine = (rh_jwt_keys *)k;
    atomic_fetch_add(&mine->references, 1);
    return mine;
}

void rh_jwt_keys_free(const rh_jwt_keys *k)
{
    rh_jwt_keys *mine = (rh_jwt_keys *)k;
    if (!mine || atomic_fetch_sub(&mine->references, 1) > 1)
        return;
    for (size_t i = 0; i < mine->n; i++)
        rh_key_free(mine->keys[i]);
    free(mine);
}

size_t rh_jwt_keys_count(const rh_jwt_keys *k)
{
    return k->n;
}

uint32_t rh_jwt_keys_algs(const rh_jwt_keys *k)
{
    uint32_t set = 0;
    for (size_t i = 0; i < k->n; i++)
        set |= rh_key_algs(k->keys[i]);
    return set;
}

size_t rh_jwt_keys_left_out(const rh_jwt_keys *k, rh_err *why)
{
    if (k->left_out)
        *why = k->why;
    return k->left_out;
}

/* ---- reading ---- */

static void take(void *ctx, rh_key *key)
{
    rh_jwt_keys *k = ctx;
    k->offered++;
    if (k->n < RH_KEYS_MAX)
        k->keys[k->n++] = key;
    else
        rh_key_free(key);
}

static bool check_count(size_t n, rh_err *err)
{
    return n <= RH_KEYS_MAX ||
           rh_err_set(err, RH_E_INVALID, "there are %zu keys, more than %d", n, RH_KEYS_MAX);
}

rh_jwt_keys *rh_jwt_keys_from_secret(const char *secret, size_t len, rh_err *err)
{
    rh_key *key = rh_key_from_secret(secret, len, err);
    if (!key)
        return NULL;
    rh_jwt_keys *k = new_keys();
    take(k, key);
    return k;
}

static bool read_jwk(rh_jwt_keys *k, const json_t *jwk, rh_keys_from from, rh_err *err)
{
    rh_key *key = rh_key_from_jwk(jwk, err);
    if (!key)
        return false;
    if (from == RH_KEYS_FROM_URL && (rh_key_algs(key) & RH_ALGS_HMAC)) {
        rh_key_free(key);
        return rh_err_set(err, RH_E_INVALID, "a secret that is published is none");
    }
    take(k, key);
    return true;
}

static bool read_set(rh_jwt_keys *k, const json_t *list, rh_keys_from from, rh_err *err)
{
    size_t i;
    const json_t *jwk;
    rh_err why;
    if (!json_is_array(list))
        return rh_err_set(err, RH_E_INVALID, "the member keys is not an array");
    if (!check_count(json_array_size(list), err))
        return false;
    json_array_foreach((json_t *)list, i, jwk)
    {
        if (!read_jwk(k, jwk, from, &why) && k->left_out++ == 0) {
            k->why = why;
            rh_err_context(&k->why, "key %zu of %zu", i + 1, json_array_size(list));
        }
    }
    if (k->n || from == RH_KEYS_FROM_URL)
        return true;
    if (!k->left_out)
        return rh_err_set(err, RH_E_INVALID, "there is no key in it");
    *err = k->why;
    return false;
}

static bool read_json(rh_jwt_keys *k, const char *text, size_t n, rh_keys_from from, rh_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &at);
    const json_t *list = json_object_get(root, "keys");
    bool ok;
    if (!root)
        ok = rh_err_set(err, RH_E_INVALID, "it is not JSON: line %d: %s", at.line, at.text);
    else if (list)
        ok = read_set(k, list, from, err);
    else
        ok = read_jwk(k, root, from, err);
    json_decref(root);
    return ok;
}

static bool looks_like_json(const char *text, size_t n)
{
    while (n && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
        text++, n--;
    return n && (*text == '{' || *text == '[');
}

rh_jwt_keys *rh_jwt_keys_read(const char *text, size_t n, rh_keys_from from, rh_err *err)
{
    rh_jwt_keys *k = new_keys();
    bool ok;
    if (n > RH_KEYS_TEXT_MAX)
        ok = rh_err_set(err, RH_E_INVALID, "it is larger than %zu bytes", RH_KEYS_TEXT_MAX);
    else if (from == RH_KEYS_FROM_FILE && !looks_like_json(text, n))
        ok = rh_pem_read(text, n, take, k, err) && check_count(k->offered, err);
    else
        ok = read_json(k, text, n, from, err);
    if (ok)
        return k;
    rh_jwt_keys_free(k);
    return NULL;
}

/* ---- verifying ---- */

/* Whether the token's kid speaks of this key. named: some key of the set has it. */
static bool is_meant(const rh_key *key, const char *kid, bool named)
{
    const char *own = rh_key_kid(key);
    if (!kid)
        return true;
    return named ? own && strcmp(own, kid) == 0 : !own;
}

static bool is_named(const rh_jwt_keys *k, const char *kid)
{
    for (size_t i = 0; kid && i < k->n; i++)
        if (is_meant(k->keys[i], kid, true))
            return true;
    return false;
}

rh_keys_verdict rh_jwt_keys_verify(const rh_jwt_keys *k, const rh_alg *alg, const char *kid,
                                   const void *bytes, size_t n, const unsigned char *signature,
                                   size_t signature_len)
{
    const rh_key *fitting[RH_KEYS_TRIES];
    size_t fit = 0;
    bool named = is_named(k, kid);
    for (size_t i = 0; i < k->n; i++) {
        if (!(rh_key_algs(k->keys[i]) & alg->bit) || !is_meant(k->keys[i], kid, named))
            continue;
        if (fit == RH_KEYS_TRIES)
            return RH_KEYS_CROWD;
        fitting[fit++] = k->keys[i];
    }
    for (size_t i = 0; i < fit; i++)
        if (rh_key_verify(fitting[i], alg, bytes, n, signature, signature_len))
            return RH_KEYS_GOOD;
    return named ? RH_KEYS_BAD : RH_KEYS_UNKNOWN;
}

bool rh_jwt_keys_hmac(const rh_jwt_keys *k, const rh_alg *alg, const void *bytes, size_t n,
                      unsigned char *out)
{
    return k->n == 1 && rh_key_hmac(k->keys[0], alg, bytes, n, out);
}
