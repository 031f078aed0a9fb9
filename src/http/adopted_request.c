/* SPDX-License-Identifier: Apache-2.0 */
#include "http/adopted_request.h"

#include <string.h>

#include "base/clock.h"
#include "rest/as_role.h"
#include "sql.h"

static void leave(void *state)
{
    rh_adopted_leave(state);
}

bool rh_adopted_request_admit(rh_adopted *db, rh_resolver *resolver, rh_exchange *x, rh_adopted_request *out,
                              rh_directory_entry *tenant, bool *again, rh_err *err)
{
    rh_role_identity who;
    bool known = rh_resolve_role(resolver, x->headers.authorization, rh_wall_s(), &who, err);
    *again = who.retry_after_fetch;
    if (!known)
        return false;
    const rh_adopted_state *state = rh_adopted_use(db);
    rh_arena_on_free(x->arena, leave, (void *)state);
    if (!rh_gate_admit(x->arena, state, &who, rh_exchange_profile(x), &out->pass, err))
        return false;
    *tenant = (rh_directory_entry){.state = RH_TENANT_ACTIVE,
                                   .home = (int64_t)out->pass.home,
                                   .node = 1,
                                   .conninfo = "",
                                   .database = state->database,
                                   .schema = out->pass.schema->name};
    snprintf(tenant->id, sizeof tenant->id, "%s", out->pass.tenant);
    return true;
}

void rh_adopted_request_name(rh_adopted_request *r, rh_exchange *x, rh_rest_naming *naming,
                             rh_request_settings *settings)
{
    const rh_adopted_state *state = r->pass.state;
    const rh_conf *conf = state->conf;
    rh_gate_settings first = {0}, last = {0};
    r->role = (rh_rest_role){r->pass.role, conf->adopt_privileged_roles, state->pre_request};
    naming->role = &r->role;
    naming->schema = naming->told_schema = r->pass.schema->name;
    naming->reference_only = false;
    naming->max_rows = conf->data_max_rows;
    naming->aggregates = conf->data_aggregates;
    naming->plans = !conf->data_plans                            ? RH_PLANS_NONE
                    : conf->adopt_tenant_is == RH_ADOPT_DATABASE ? RH_PLANS_WHOLE
                                                                 : RH_PLANS_SHAPE;
    naming->estimates = conf->adopt_tenant_is == RH_ADOPT_DATABASE;
    naming->tx_end = rh_tx_end_parse(conf->data_tx_end);
    naming->reads = RH_READS_REQUEST | (rh_relation_cache_reads(r->pass.schema->cache) & RH_READS_RESPONSE);
    rh_gate_add_first(x->arena, &r->pass, &first);
    rh_gate_add_last(x->arena, &r->pass, &last);
    for (size_t i = 0; i < first.len; i++)
        RH_VEC_PUSH(x->arena, settings, first.items[i]);
    rh_request_settings_add(x, RH_READS_REQUEST, r->pass.claims, settings);
    for (size_t i = 0; i < last.len; i++)
        RH_VEC_PUSH(x->arena, settings, last.items[i]);
}

void rh_adopted_request_look(const rh_adopted_request *r, rh_arena *a,
                             rh_rest_statement out[RH_ADOPTED_LOOK_STATEMENTS])
{
    const char *params[] = {r->pass.schema->name, "", "", "", r->role.name};
    const char **values = RH_NEW_ARRAY(a, const char *, 5);
    memcpy(values, params, sizeof params);
    rh_as_role_enter(a, &r->role, &out[0]);
    out[1] = (rh_rest_statement){rh_sql_rest_introspect, strlen(rh_sql_rest_introspect), 5, values};
}

static void free_cache(void *cache)
{
    rh_relation_cache_free(cache);
}

const rh_relation_cache *rh_adopted_request_seen(const rh_adopted_request *r, rh_arena *a, const char *json,
                                                 size_t len, rh_err *err)
{
    rh_relation_cache *cache = rh_relation_cache_parse(json, len, err);
    if (cache && !rh_adopted_keep_view(r->pass.state, r->pass.schema, r->role.name, cache))
        rh_arena_on_free(a, free_cache, cache);
    return cache;
}

void rh_adopted_request_head(const rh_adopted_request *r, rh_rest_answer *out)
{
    if (r->pass.state->n_schemas > 1 && out->n_headers < RH_REST_MAX_HEADERS)
        out->headers[out->n_headers++] = (rh_rest_header){"Content-Profile", r->pass.schema->name};
}
