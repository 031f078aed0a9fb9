/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/write.h"

#include <string.h>

#include "rest/sql_load.h"

bool rh_write_parse(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_payload type;
    size_t len = req->body_len;
    if (!rh_payload_type(req->content_type, &type, err))
        return false;
    const char *json = rh_payload_json(r->arena, type, req->body, &len, req->part ? req->part->line : 1, err);
    return json && rh_body_parse(r->arena, json, len, req->part, &r->plan.body, err);
}

bool rh_write_body(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    if (p->action != RH_DO_INSERT && p->action != RH_DO_UPDATE)
        return true;
    if (!rh_write_parse(r, req, err))
        return false;
    bool nothing = p->action == RH_DO_UPDATE && !p->body.count; /* as {}: no column is set */
    if ((p->action == RH_DO_UPDATE || p->put) && p->body.count != 1 && !nothing)
        return rh_err_set(err, RH_E_BODY, "a %s has one JSON object, not %zu", p->put ? "put" : "patch",
                          p->body.count);
    p->missing_default = r->prefer.missing == RH_MISSING_DEFAULT && !p->put;
    if (!rh_body_columns(r->arena, &p->body, p->root.relation, &r->url, &r->naming,
                         p->missing_default && p->action == RH_DO_INSERT, &p->parts, err))
        return false;
    p->arrays = p->part && p->part->arrays && rh_sql_loads(p);
    return true;
}

/* ---- duplicates ---- */

static bool has_column(const int *columns, int n, int column)
{
    for (int i = 0; i < n; i++)
        if (columns[i] == column)
            return true;
    return false;
}

bool rh_write_conflict(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const rh_relation *rel = p->root.relation;
    p->resolution = p->put ? RH_RESOLUTION_MERGE : r->prefer.resolution;
    size_t asked = p->action != RH_DO_INSERT ? 0
                   : r->url.has_on_conflict  ? r->url.on_conflict.len
                                             : (size_t)rel->n_primary_key;
    if (!asked || p->resolution == RH_RESOLUTION_NONE) {
        p->resolution = r->prefer.resolution = RH_RESOLUTION_NONE;
        return true;
    }
    int *columns = RH_NEW_ARRAY(r->arena, int, asked + 1), n = 0;
    if (r->naming.keyed && rel->tenant_key >= 0)
        columns[n++] = rel->tenant_key;
    for (size_t i = 0; i < asked; i++) {
        const char *name = r->url.has_on_conflict ? r->url.on_conflict.items[i] : NULL;
        int column = name ? rh_relation_column(rel, name, strlen(name)) : rel->primary_key[i];
        if (column < 0)
            return rh_plan_no_column(&p->root, name, err);
        if (!has_column(columns, n, column))
            columns[n++] = column;
    }
    p->conflict = columns;
    p->n_conflict = n;
    p->count_inserted = p->resolution == RH_RESOLUTION_MERGE;
    return true;
}

/* `column=eq.value` of the primary key, not resolved yet, and the first of its column. */
static bool is_key_filter(const rh_relation *rel, const rh_logic *l, bool *seen)
{
    const rh_filter *f = &l->filter;
    if (l->kind != RH_LOGIC_FILTER || f->op != RH_OP_EQ || f->negated || f->quantifier != RH_ONE ||
        f->field.n_steps)
        return false;
    for (int i = 0; i < rel->n_primary_key; i++)
        if (!seen[i] && strcmp(rel->columns[rel->primary_key[i]].name, f->field.name) == 0)
            return seen[i] = true;
    return false;
}

bool rh_write_put(const rh_rest *r, rh_err *err)
{
    const rh_plan *p = &r->plan;
    const rh_relation *rel = p->root.relation;
    const rh_query *q = &r->url.root;
    bool seen[RH_PATH_MAX_KEYS] = {false};
    int n = rel->n_primary_key;
    bool ok = n && n <= RH_PATH_MAX_KEYS && (p->n_keys ? !q->conditions.len : q->conditions.len == (size_t)n);
    for (size_t i = 0; ok && i < q->conditions.len; i++)
        ok = is_key_filter(rel, q->conditions.items[i], seen);
    if (!ok)
        return rh_err_set(err, RH_E_PUT_FILTERS,
                          "Filters must include all and only primary key columns with 'eq' operators");
    for (int i = 0; i < n; i++)
        if (!has_column(p->parts.items[0].columns, p->parts.items[0].n, rel->primary_key[i]) &&
            !(r->naming.keyed && rel->primary_key[i] == rel->tenant_key))
            return rh_err_set(err, RH_E_PUT_KEY, "Payload values do not match URL in primary key column(s)");
    return true;
}
