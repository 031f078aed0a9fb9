/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's head: who asks, and whether it may.
 */
#include "http/data_request.h"

#include <string.h>

#include "adopt/tenant_limits.h"
#include "base/clock.h"

#define LARGE_BODY ((uint64_t)64 << 10)

/* One second's worth may come at once. */
static bool check_rate(struct data_door *d, const struct request *r, rh_err *err)
{
    int64_t rate = r->tenant.limits.of[RH_LIMIT_RATE], wait_ms;
    if (rate == 0 || rh_quota_take(d->settings.quota, r->tenant.id, rate, rh_now_us(), &wait_ms))
        return true;
    rh_err_set(err, RH_E_TOO_MANY, "more than %.10g requests a second", (double)rate / 1000);
    err->retry_after = (int)((wait_ms + 999) / 1000);
    return rh_err_hint(err, "Try again after the seconds that Retry-After names.");
}

static bool has_large_body(const rh_exchange *x)
{
    uint64_t n;
    const char *length = x->headers.content_length;
    return x->headers.transfer_encoding ||
           (length && rh_parse_uint(length, strlen(length), &n) && n >= LARGE_BODY);
}

/* Uploads take memory for as long as they like to last. */
static bool check_bodies(struct data_door *d, struct request *r, rh_err *err)
{
    if (!has_large_body(r->x))
        return true;
    r->keeps_body = rh_quota_keep_body(d->settings.quota, r->tenant.id, d->settings.max_bodies);
    if (r->keeps_body)
        return true;
    rh_err_set(err, RH_E_TOO_MANY, "more than %lld large bodies at once", (long long)d->settings.max_bodies);
    return rh_err_hint(err, "Send fewer at a time.");
}

static bool admit_tenant(struct data_door *d, const rh_identity *who, struct request *r, rh_err *err)
{
    const rh_data_door_settings *s = &d->settings;
    if (!rh_directory_admit(s->directory, who->is_slug, who->ref, s->stale_after_ms, &r->tenant, err))
        return false;
    rh_limits_apply(&r->tenant.limits, &s->limits);
    r->x->max_body = (size_t)r->tenant.limits.of[RH_LIMIT_BODY];
    r->cache = rh_directory_cache(s->directory, r->tenant.reference_version, r->tenant.tenant_version);
    if (r->cache)
        return check_rate(d, r, err) && check_bodies(d, r, err);
    rh_err_set(err, RH_E_TENANT_NOT_READY, "the tenant's version is not known to this server yet");
    return rh_err_hint(err, "Try again in a moment.");
}

/* *again: newer keys may know the token. */
static bool admit(struct data_door *d, struct request *r, bool *again, rh_err *err)
{
    rh_exchange *x = r->x;
    rh_identity who;
    if (!d->settings.adopted) {
        bool known =
            rh_resolve(d->resolver, x->headers.authorization, x->headers.named, rh_wall_s(), &who, err);
        *again = who.retry_after_fetch;
        return known && admit_tenant(d, &who, r, err) && rh_data_check_profile(x, err);
    }
    if (!rh_adopted_request_admit(d->settings.adopted, d->resolver, x, &r->adopted, &r->tenant, again, err))
        return false;
    const rh_gate_pass *pass = &r->adopted.pass;
    r->tenant.limits = rh_tenant_limits_of(pass->state, pass->tenant, pass->timeout_ms, &d->settings.limits);
    x->max_body = (size_t)r->tenant.limits.of[RH_LIMIT_BODY];
    r->cache = r->adopted.pass.schema->cache;
    return check_rate(d, r, err) && check_bodies(d, r, err);
}

/* The request of an exchange that was held is there already. */
static struct request *request_of(struct data_door *d, rh_exchange *x)
{
    if (x->user)
        return x->user;
    struct request *r = RH_NEW(x->arena, struct request);
    r->door = d;
    r->x = x;
    return x->user = r;
}

static void pick_up_keys(struct data_door *d)
{
    const rh_jwt_keys *old = d->keys;
    if (rh_key_source_generation(d->settings.keys) == d->generation)
        return;
    d->keys = rh_key_source_get(d->settings.keys, &d->generation);
    rh_resolver_set_keys(d->resolver, d->keys);
    rh_jwt_keys_free(old);
}

/* From the head: a longer body than others may be. */
static void allow_load(struct request *r)
{
    rh_exchange *x = r->x;
    rh_data_fill_request(r);
    if (r->door->settings.max_load && has_large_body(x) &&
        rh_batches_may(&r->rest_request, r->cache, &r->naming))
        x->max_load = (uint64_t)r->tenant.limits.of[RH_LIMIT_LOAD];
}

void rh_data_on_head(void *ctx, rh_exchange *x)
{
    struct data_door *d = ctx;
    rh_err err;
    bool again;
    if (rh_data_answer_without_tenant(d, x))
        return;
    struct request *r = request_of(d, x);
    pick_up_keys(d);
    if (admit(d, r, &again, &err)) {
        r->state = ADMITTED;
        r->judged_us = rh_now_us();
        if (x->method == RH_POST && has_large_body(x))
            allow_load(r);
        return;
    }
    if (again && rh_key_wait_hold(d->key_wait, &r->waiter, x))
        return;
    rh_data_refuse(r, &err);
}
