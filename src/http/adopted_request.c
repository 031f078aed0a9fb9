/* SPDX-License-Identifier: Apache-2.0 */
#include "http/adopted_request.h"

#include <string.h>

#include "base/clock.h"
#include "rest/as_role.h"
#include "rest/url.h"
#include "sql.h"

static void leave(void *state)
{
    rh_adopted_leave(state);
}

bool rh_adopted_request_admit(rh_adopted *db, rh_resolver *resolver, rh_exchange *x, rh_adopted_request *out,
                              rh_directory_entry *tenant, bool *again, rh_err *err)
{
    rh_role_identity who;
    const rh_adopted_state *state = rh_adopted_use(db);
    if (!state) {
        rh_err_set(err, RH_E_UNAVAILABLE, "the database has not been reached yet");
        return rh_err_hint(err, "Try again in a moment.");
    }
    rh_arena_on_free(x->arena, leave, (void *)state);
    out->pass = (rh_gate_pass){.state = state};
    if (state->no_keys && x->headers.authorization)
        return rh_err_set(err, RH_E_JWT_SECRET, "Server lacks JWT secret");
    rh_resolver_set_claims(resolver, state->conf->auth_audience, state->conf->adopt_jwt_role_claim_key);
    bool known = rh_resolve_role(resolver, x->headers.authorization, rh_wall_s(), &who, err);
    *again = who.retry_after_fetch;
    if (!known)
        return false;
    if (!rh_gate_admit(x->arena, state, &who, rh_exchange_profile(x), &out->pass, err))
        return false;
    *tenant = (rh_directory_entry){.state = RH_TENANT_ACTIVE,
                                   .home = (int64_t)out->pass.home,
                                   .node = 1,
                                   .conninfo = "",
                                   .database = "", /* that of the conninfo */
                                   .schema = out->pass.schema->name};
    snprintf(tenant->id, sizeof tenant->id, "%s", out->pass.tenant);
    return true;
}

bool rh_adopted_request_root(const rh_adopted_request *r, rh_arena *a, rh_rest_request *req)
{
    rh_str path;
    const char *function = r->pass.state->conf->adopt_db_root_spec, *dot = strrchr(function, '.');
    if (!*function || strcmp(req->path, "/") != 0 || (req->method != RH_GET && req->method != RH_HEAD))
        return false;
    rh_str_init_in(&path, a, 1024);
    rh_str_add(&path, "/rpc/");
    rh_url_encode(&path, dot ? dot + 1 : function);
    req->path = rh_str_cstr(&path);
    if (!req->accept || !strstr(req->accept, "application/openapi+json"))
        return false;
    req->accept = NULL;
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
    naming->aggregates = conf->data_aggregates;
    naming->plans = !conf->data_plans                            ? RH_PLANS_NONE
                    : conf->adopt_tenant_is == RH_ADOPT_DATABASE ? RH_PLANS_WHOLE
                                                                 : RH_PLANS_SHAPE;
    naming->estimates = conf->adopt_tenant_is == RH_ADOPT_DATABASE;
    naming->tx_end = rh_tx_end_parse(conf->data_tx_end);
    naming->hoisted = state->hoisted;
    naming->n_hoisted = state->n_hoisted;
    naming->exact_names = !conf->adopt_url_use_legacy_target_names;
    naming->reads = RH_READS_REQUEST | (rh_relation_cache_reads(r->pass.schema->cache) & RH_READS_RESPONSE);
    rh_gate_add_first(x->arena, &r->pass, &first);
    rh_gate_add_last(x->arena, &r->pass, &last);
    for (size_t i = 0; i < first.len; i++)
        RH_VEC_PUSH(x->arena, settings, first.items[i]);
    rh_request_settings_add(x, RH_READS_REQUEST, r->pass.claims, settings);
    for (size_t i = 0; i < last.len; i++)
        RH_VEC_PUSH(x->arena, settings, last.items[i]);
}

int rh_adopted_request_look(const rh_adopted_request *r, rh_arena *a, const rh_request_settings *settings,
                            rh_rest_statement out[RH_ADOPTED_LOOK_STATEMENTS])
{
    const char *params[] = {r->pass.schema->name, "", "", "", r->role.name};
    const char **values = RH_NEW_ARRAY(a, const char *, 5);
    rh_request_settings all = {0};
    rh_rest_setting jit = {"jit", "off"};
    int n = 0;
    memcpy(values, params, sizeof params);
    for (size_t i = 0; i < settings->len; i++)
        RH_VEC_PUSH(a, &all, settings->items[i]);
    RH_VEC_PUSH(a, &all, jit);
    rh_as_role_enter(a, &r->role, all.items, all.len, &out[n++]);
    if (r->role.pre_request) {
        out[n] = (rh_rest_statement){r->role.pre_request, strlen(r->role.pre_request), 0, NULL};
        rh_as_role_mark(a, &r->role, &out[n++]);
    }
    out[n++] = (rh_rest_statement){rh_sql_rest_introspect, strlen(rh_sql_rest_introspect), 5, values};
    return n;
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
