/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/check.h"

#include <string.h>

static bool wrong_method(rh_rest *r, rh_err *err)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"};
    const char *name = r->method < sizeof names / sizeof *names ? names[r->method] : "of this name";
    if (r->path.rpc)
        return rh_err_set(err, RH_E_RPC_METHOD, "Cannot use the %s method on RPC", name);
    return rh_err_set(err, RH_E_METHOD, "Unsupported HTTP method: %s", name);
}

bool rh_check_action(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    p->head = r->method == RH_HEAD;
    switch (r->method) {
    case RH_GET:
    case RH_HEAD:
        p->action = r->path.rpc ? RH_DO_CALL : RH_DO_READ;
        return true;
    case RH_POST:
        p->action = r->path.rpc ? RH_DO_CALL : RH_DO_INSERT;
        return !r->path.n_keys || wrong_method(r, err);
    case RH_PUT:
        p->action = RH_DO_INSERT;
        p->put = true;
        return !r->path.rpc || wrong_method(r, err);
    case RH_PATCH:
        p->action = RH_DO_UPDATE;
        return !r->path.rpc || wrong_method(r, err);
    case RH_DELETE:
        p->action = RH_DO_DELETE;
        return !r->path.rpc || wrong_method(r, err);
    default:
        return wrong_method(r, err);
    }
}

bool rh_check_denied(const rh_relation *rel, rh_err *err)
{
    rh_err_set(err, RH_E_DB, "permission denied for %s %s", rel->kind == 'v' ? "view" : "table", rel->name);
    memcpy(err->sqlstate, "42501", 6);
    return false;
}

static bool check_keys(const rh_rest *r, const rh_relation *rel, rh_err *err)
{
    rh_str names;
    if (!r->path.n_keys || r->path.n_keys == rel->n_primary_key)
        return true;
    if (!rel->n_primary_key) {
        rh_err_set(err, RH_E_NO_PATH, "\"%s\" has no primary key to find a row by", rel->name);
        return rh_err_hint(err, "Filter its rows instead, as in /%s?column=eq.value.", rel->name);
    }
    rh_str_init_in(&names, r->arena, 256);
    for (int i = 0; i < rel->n_primary_key; i++) {
        rh_str_add(&names, i ? "," : "");
        rh_str_add(&names, rel->columns[rel->primary_key[i]].name);
    }
    rh_err_set(err, RH_E_PARSE, "the key of \"%s\" has %d parts, not %d", rel->name, rel->n_primary_key,
               r->path.n_keys);
    return rh_err_hint(err, "The path is /%s/%s.", rel->name, rh_str_cstr(&names));
}

bool rh_check_relation(rh_rest *r, const rh_relation *rel, rh_err *err)
{
    rh_plan *p = &r->plan;
    p->root.relation = rel;
    p->root.name = rel->name;
    p->root.columns = rel->columns;
    p->root.n_columns = rel->n_columns;
    if ((p->action == RH_DO_INSERT && !rel->insertable) || (p->put && !rel->updatable) ||
        (p->action == RH_DO_UPDATE && !rel->updatable) || (p->action == RH_DO_DELETE && !rel->deletable))
        return rh_check_denied(rel, err);
    p->keys = r->path.keys;
    p->n_keys = r->path.n_keys;
    return check_keys(r, rel, err);
}

/* ---- what the action does not take ---- */

bool rh_check_meaningless(rh_err *err, const char *parameter, const char *where)
{
    rh_err_set(err, RH_E_PARSE, "\"%s\" has no meaning in this request", parameter);
    return rh_err_hint(err, "Leave it out of %s.", where);
}

bool rh_check_parameters(const rh_rest *r, rh_err *err)
{
    const rh_query *q = &r->url.root;
    rh_action action = r->plan.action;
    if (r->plan.put && (q->has_limit || q->has_offset))
        return rh_err_set(err, RH_E_PUT_LIMIT, "limit/offset querystring parameters are not allowed for PUT");
    if (r->url.has_on_conflict && (action != RH_DO_INSERT || r->plan.put))
        return rh_check_meaningless(err, "on_conflict", "a request that inserts nothing");
    if (r->url.has_columns && action != RH_DO_INSERT && action != RH_DO_UPDATE &&
        !(action == RH_DO_CALL && r->method == RH_POST))
        return rh_check_meaningless(err, "columns", "a request that writes no columns");
    if (q->has_limit && (rh_writes(&r->plan) || r->path.n_keys))
        return rh_check_meaningless(err, "limit", "a write or a request for one row");
    if (q->has_offset && (rh_writes(&r->plan) || r->path.n_keys))
        return rh_check_meaningless(err, "offset", "a write or a request for one row");
    if (q->conditions.len && action == RH_DO_INSERT && !r->plan.put)
        return rh_check_meaningless(err, "a filter", "an insert");
    if (r->naming.filtered_writes && (action == RH_DO_UPDATE || action == RH_DO_DELETE) &&
        !q->conditions.len && !r->path.n_keys) {
        rh_err_set(err, RH_E_PARSE, "this would be done to all rows of \"%s\"", r->path.name);
        return rh_err_hint(err, "Name them, as in /%s/KEY or /%s?column=eq.value.", r->path.name,
                           r->path.name);
    }
    return true;
}
