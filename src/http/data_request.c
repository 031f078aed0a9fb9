/* SPDX-License-Identifier: Apache-2.0
 *
 * An admitted request: what rest/ is told of it, and its body.
 */
#include "http/data_request.h"

#include <string.h>

#include "rest/scan.h"

bool rh_data_has_own_schema(const struct request *r)
{
    return strcmp(r->tenant.schema, r->door->settings.naming.schema) != 0;
}

/* Nobody else's rows are in its tables. */
static bool has_own_tables(const struct request *r)
{
    return rh_data_has_own_schema(r) || strcmp(r->tenant.database, r->door->settings.pool.database) != 0;
}

/* ---- profiles ---- */

/* The schemas that every app has, whatever its tenants' are called: the tenant set, where names of the
 * reference set are known too, and the latter alone. */
static const char *const profiles[] = {"public", "reference"};

bool rh_data_check_profile(const rh_exchange *x, rh_err *err)
{
    const char *profile = rh_exchange_profile(x);
    for (size_t i = 0; profile && i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i], profile) == 0)
            return true;
    if (!profile)
        return true;
    rh_err_set(err, RH_E_SCHEMA, "Invalid schema: %.*s", RH_CLIPPED(profile));
    return rh_err_hint(err, "Only the following schemas are exposed: %s, %s", profiles[0], profiles[1]);
}

/* ---- from head to plan ---- */

void rh_data_fill_request(struct request *r)
{
    rh_exchange *x = r->x;
    r->settings.len = 0; /* of a request that may have a large body it is done twice */
    r->naming = r->door->settings.naming;
    r->naming.vary = *r->door->vary ? r->door->vary : NULL;
    r->naming.tenant_id = r->tenant.id;
    r->naming.schema = r->tenant.schema;
    r->naming.max_rows = r->tenant.limits.of[RH_LIMIT_ROWS];
    r->naming.distributed = r->tenant.citus;
    const char *profile = rh_exchange_profile(x);
    r->naming.reference_only = profile && strcmp(profile, profiles[1]) == 0;
    if (r->naming.reference_only)
        r->naming.told_schema = r->naming.reference_schema;
    if (has_own_tables(r) && r->naming.plans != RH_PLANS_NONE)
        r->naming.plans = RH_PLANS_WHOLE;
    r->naming.estimates = has_own_tables(r) && !r->tenant.citus;
    r->naming.reads = (rh_relation_cache_reads(r->cache) | r->naming.reads) & r->door->settings.reads;
    if (r->door->settings.adopted)
        rh_adopted_request_name(&r->adopted, x, &r->naming, &r->settings);
    else
        rh_request_settings_add(x, r->naming.reads, NULL, &r->settings);
    r->rest_request =
        (rh_rest_request){.method = x->method,
                          .path = x->path,
                          .query = x->query,
                          .prefer = x->headers.prefer ? x->headers.prefer : r->door->settings.prefer,
                          .range = x->headers.range,
                          .range_unit = x->headers.range_unit,
                          .accept = x->headers.accept,
                          .content_type = x->headers.content_type,
                          .body = x->body,
                          .body_len = x->body_len,
                          .settings = r->settings.items,
                          .n_settings = (int)r->settings.len};
}

static bool plan(struct request *r, rh_err *err)
{
    r->rest = rh_rest_plan(r->x->arena, &r->rest_request, r->cache, &r->naming, err);
    r->state = PLANNED;
    return r->rest != NULL;
}

void rh_data_on_request(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_err err;
    rh_data_fill_request(r);
    if (r->door->settings.adopted)
        r->described = rh_adopted_request_root(&r->adopted, x->arena, &r->rest_request);
    if (rh_describe_asked(&r->rest_request, r->cache)) {
        if (!rh_data_describe_or_look(r, &err))
            rh_data_refuse(r, &err);
        return;
    }
    /* a body may have taken its time */
    if (!(x->body_len && rh_data_is_evicted(ctx, r, &err)) && plan(r, &err) && rh_data_submit(r, &err))
        return;
    if (r->rest)
        rh_rest_discard(r->rest);
    rh_data_refuse(r, &err);
}

/* ---- bodies that are loaded while they come in ---- */

bool rh_data_on_large(void *ctx, rh_exchange *x, const char *bytes, size_t n)
{
    struct request *r = x->user;
    rh_err err;
    r->load = (rh_load_request){.x = x, .job = &r->job};
    rh_batches_begun begun =
        rh_load_request_begin(&r->load, &r->rest_request, r->cache, &r->naming, bytes, n, &r->rest, &err);
    if (begun == RH_BATCHES_NOT || begun == RH_BATCHES_MORE)
        return false;
    if (begun == RH_BATCHES_WRONG || rh_data_is_evicted(ctx, r, &err) || !rh_data_submit(r, &err))
        rh_data_refuse(r, &err);
    return true;
}

bool rh_data_on_piece(void *ctx, rh_exchange *x, const char *bytes, size_t n)
{
    struct request *r = x->user;
    return rh_load_request_add(&r->load, bytes, n);
}

void rh_data_on_last(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_load_request_end(&r->load);
}
