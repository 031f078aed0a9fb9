/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/tenant_limits.h"

#include <string.h>

#include "base/near.h"
#include "rest/scan.h"

static rh_limits *limits_of(rh_adopted_state *s, const char *tenant)
{
    size_t len = strlen(tenant);
    rh_limits *own = rh_map_get(&s->limits, tenant, len);
    if (own)
        return own;
    own = RH_NEW(s->arena, rh_limits);
    for (int i = 0; i < RH_N_LIMITS; i++)
        own->of[i] = RH_LIMIT_DEFAULT;
    rh_map_put(&s->limits, tenant, len, own);
    return own;
}

/* Roles may come and go. */
static bool check_tenant(const rh_adopted_state *s, const char *tenant, rh_err *err)
{
    bool found = s->conf->adopt_tenant_is == RH_ADOPT_ROLE && *tenant;
    for (size_t i = 0; s->conf->adopt_tenant_is == RH_ADOPT_SCHEMA && i < s->n_schemas; i++)
        found |= strcmp(s->schemas[i].name, tenant) == 0;
    if (found)
        return true;
    rh_err_set(err, RH_E_CONF, "there is no tenant \"%.*s\"", RH_CLIPPED(tenant));
    return rh_err_hint(err, "With adopt.tenants = schema it is one of db-schemas, with role any role; else "
                            "there is one tenant, and [limits] has its limits.");
}

static bool find_limit(const char *name, rh_limit *which, rh_err *err)
{
    rh_near near = RH_NEAR(name);
    for (int i = 0; i < RH_N_LIMITS; i++) {
        *which = (rh_limit)i;
        if (strcmp(rh_limit_name(*which), name) == 0)
            return true;
        rh_near_try(&near, rh_limit_name(*which));
    }
    rh_err_set(err, RH_E_CONF, "there is no limit \"%.*s\"", RH_CLIPPED(name));
    return rh_err_hint(err, near.best ? "Perhaps you meant %s." : "docs/limits.md lists them.", near.best);
}

/* TENANT.LIMIT; a tenant's name may have dots. */
static bool read_one(rh_adopted_state *s, const rh_conf_pair *pair, rh_err *err)
{
    const char *dot = strrchr(pair->name, '.');
    const char *tenant = rh_arena_strndup(s->arena, pair->name, dot ? (size_t)(dot - pair->name) : 0);
    char *limit = rh_arena_strdup(s->arena, dot ? dot + 1 : pair->name);
    rh_limit which;
    int64_t value;
    for (char *c = limit; *c; c++)
        *c = *c == '-' ? '_' : *c;
    if (check_tenant(s, tenant, err) && find_limit(limit, &which, err) &&
        rh_limit_parse(which, pair->value, &value, err)) {
        limits_of(s, tenant)->of[which] = value;
        return true;
    }
    err->code = RH_E_CONF;
    return rh_err_context(err, "limits.%s", pair->name);
}

bool rh_tenant_limits_read(rh_adopted_state *s, rh_err *err)
{
    const rh_conf_pairs *said = &s->conf->tenant_limits;
    for (size_t i = 0; i < said->len; i++)
        if (!read_one(s, &said->items[i], err))
            return false;
    return true;
}

rh_limits rh_tenant_limits_of(const rh_adopted_state *s, const char *tenant, int64_t timeout_ms,
                              const rh_limits *defaults)
{
    const rh_limits *own = rh_map_get(&s->limits, tenant, strlen(tenant));
    rh_limits others = *defaults;
    others.of[RH_LIMIT_ROWS] = s->conf->data_max_rows;
    rh_limits all = own ? *own : others;
    if (timeout_ms >= 0)
        all.of[RH_LIMIT_STATEMENT_TIMEOUT] = RH_LIMIT_DEFAULT;
    rh_limits_apply(&all, &others);
    return all;
}
