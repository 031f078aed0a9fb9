/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ask.h"

#include <string.h>

#include "base/file.h"
#include "verify/asker.h"

rh_asker *rh_asker_new(rh_world *w, rh_err *err)
{
    rh_asker *k = RH_NEW(w->a, rh_asker);
    int n;
    const rh_relation *all = rh_relation_all(w->cache, &n);
    k->w = w;
    k->dice = &w->dice;
    k->conf = w->app->conf;
    for (int i = 0; i < n; i++)
        RH_VEC_PUSH(w->a, &k->relations, &all[i]);
    k->foreign = rh_relation_foreign_keys(w->cache, &k->n_foreign);
    k->functions = rh_function_all(w->cache, &k->n_functions);
    rh_token_rules(k->conf, &k->rules);
    const char *secret = rh_app_jwt_secret(w->app, w->a, err), *wrong = rh_random_hex(w->a, 32);
    if (k->relations.len == 0) {
        rh_err_set(err, RH_E_INVALID, "the app has no table that could be asked for");
    } else if (secret && (k->keys = rh_jwt_keys_from_secret(secret, strlen(secret), err)) &&
               (k->wrong_keys = rh_jwt_keys_from_secret(wrong, strlen(wrong), err))) {
        return k;
    }
    rh_asker_free(k);
    return NULL;
}

void rh_asker_free(rh_asker *k)
{
    if (!k)
        return;
    rh_jwt_keys_free(k->keys);
    rh_jwt_keys_free(k->wrong_keys);
}

/* ---- a request ---- */

static rh_verify_tenant *one_who_asks(rh_asker *k)
{
    for (;;) {
        rh_verify_tenant *t = &k->w->tenants[rh_dice_int(k->dice, k->w->n)];
        if (!t->still)
            return t;
    }
}

static void start(rh_asker *k, rh_arena *a, rh_ask *out)
{
    *out = (rh_ask){.door = "data"};
    k->a = a;
    k->ask = out;
    k->has_query = false;
    k->me = one_who_asks(k);
    do
        k->other = &k->w->tenants[rh_dice_int(k->dice, k->w->n)];
    while (k->other == k->me);
    rh_str_init_in(&k->path, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&k->plain, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&k->headers, a, RH_STR_TEXT_MAX);
    out->own = (int)(k->me - k->w->tenants);
}

static void finish(rh_asker *k)
{
    k->ask->path = rh_str_cstr(&k->path);
    k->ask->headers = rh_str_cstr(&k->headers);
    if (k->ask->body)
        rh_str_addf(&k->plain, " %s", k->ask->body);
    k->ask->text = rh_str_cstr(&k->plain);
}

/* Of a hundred requests. To add a kind: a row. */
static const struct kind {
    int percent;
    void (*make)(rh_asker *k);
} kinds[] = {{45, rh_ask_read},  {10, rh_ask_by_key},   {12, rh_ask_insert}, {8, rh_ask_change},
             {6, rh_ask_delete}, {14, rh_ask_function}, {5, rh_ask_broken}};

void rh_asker_next(rh_asker *k, rh_arena *a, rh_ask *out)
{
    start(k, a, out);
    int at = rh_dice_int(k->dice, 100);
    const struct kind *kind = kinds;
    while (at >= kind->percent)
        at -= (kind++)->percent;
    kind->make(k);
    if (rh_dice_chance(k->dice, 8)) {
        rh_ask_as_nobody(k);
    } else {
        rh_ask_identify(k);
        rh_ask_forge(k);
        out->abort = rh_dice_chance(k->dice, 3);
    }
    finish(k);
}

/* ---- the control door ---- */

bool rh_asker_control(rh_asker *k, rh_arena *a, int i, rh_ask *out)
{
    static const struct {
        const char *method, *path;
    } tries[] = {{"GET", "/tenants"},
                 {"GET", "/tenants/%s"},
                 {"POST", "/tenants/%s/token"},
                 {"POST", "/tenants/%s/resume"},
                 {"POST", "/tenants"},
                 {"DELETE", "/tenants/%s"},
                 {"GET", "/"},
                 {"GET", "/users"},
                 {"GET", "/schools"},
                 {"GET", "/ready"},
                 {"GET", "/live"},
                 {"GET", "/tenants?limit=1000"},
                 {"GET", "/rowhouse.tenants"},
                 {"GET", "/nothing"}};
    int n = (int)(sizeof tries / sizeof *tries);
    if (i >= 4 * n)
        return false;
    start(k, a, out);
    out->door = "control";
    out->own = RH_NOBODY;
    rh_ask_begin(k, "strangers", tries[i % n].method);
    for (const char *p = tries[i % n].path; *p; p++)
        if (*p == '%')
            rh_str_add(&k->path, k->other->id), p++;
        else
            rh_str_addc(&k->path, *p);
    rh_str_add(&k->plain, rh_str_cstr(&k->path));
    if (i / n == 1)
        rh_ask_bear(k, k->me->token);
    else if (i / n == 2)
        rh_ask_bear(k, rh_random_hex(a, 32));
    else if (i / n == 3)
        out->host = rh_arena_printf(a, "%s.example", k->me->slug);
    finish(k);
    return true;
}
