/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/alg.h"

#include <string.h>

#define LIST_MAX_BYTES 256

const rh_alg rh_algs[RH_ALG_COUNT] = {
#define X(name, kind, digest, bytes) {#name, kind, digest, bytes, (uint32_t)1 << RH_ALG_##name},
    RH_ALG_TABLE(X)
#undef X
};

static const rh_alg *find(const char *name, size_t len)
{
    for (size_t i = 0; i < RH_ALG_COUNT; i++)
        if (strlen(rh_algs[i].name) == len && memcmp(rh_algs[i].name, name, len) == 0)
            return &rh_algs[i];
    return NULL;
}

const rh_alg *rh_alg_find(const char *name)
{
    return find(name, strlen(name));
}

uint32_t rh_algs_of(rh_key_kind kind)
{
    uint32_t set = 0;
    for (size_t i = 0; i < RH_ALG_COUNT; i++)
        set |= rh_algs[i].kind == kind ? rh_algs[i].bit : 0;
    return set;
}

bool rh_algs_parse(const char *text, uint32_t *set, rh_err *err)
{
    rh_str all;
    *set = 0;
    for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
        size_t n = strcspn(text, ", ");
        const rh_alg *alg = find(text, n);
        if (!alg) {
            rh_err_set(err, RH_E_CONF, "\"%.*s\" is no algorithm for tokens", (int)(n < 40 ? n : 40), text);
            rh_str_init(&all, LIST_MAX_BYTES);
            for (size_t i = 0; i < RH_ALG_COUNT; i++)
                rh_str_addf(&all, "%s%s", i ? ", " : "", rh_algs[i].name);
            rh_err_hint(err, "There are %s.", rh_str_cstr(&all));
            rh_str_release(&all);
            return false;
        }
        *set |= alg->bit;
        text += n;
    }
    return true;
}

const char *rh_algs_text(rh_arena *a, uint32_t set)
{
    rh_str out;
    rh_str_init_in(&out, a, LIST_MAX_BYTES);
    for (size_t i = 0; i < RH_ALG_COUNT; i++)
        if (set & rh_algs[i].bit)
            rh_str_addf(&out, "%s%s", out.len ? ", " : "", rh_algs[i].name);
    return rh_str_cstr(&out);
}
