/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_where.h"

#include <string.h>

static void put_value(rh_writer *w, const rh_node *n, const rh_field *f)
{
    if (f->computed)
        rh_put_function_of_row(w, f->computed, n);
    else
        rh_put_column(w, n, f->column);
}

void rh_put_field(rh_writer *w, const rh_node *n, const rh_field *f)
{
    if (!f->n_steps) {
        put_value(w, n, f);
        return;
    }
    bool convert = rh_plan_form(n, f) != RH_JSON_RAW;
    rh_put(w, convert ? "(pg_catalog.to_jsonb(" : "(");
    put_value(w, n, f);
    rh_put(w, convert ? ")" : "");
    for (int i = 0; i < f->n_steps; i++) {
        rh_put(w, f->steps[i].as_text ? "->>" : "->");
        rh_put_param(w, f->steps[i].key);
        rh_put(w, f->steps[i].is_index ? "::int" : "::text");
    }
    rh_str_addc(&w->text, ')');
}

static void put_language(rh_writer *w, const rh_filter *f)
{
    if (!f->language)
        return;
    rh_put_param(w, f->language);
    rh_put(w, "::regconfig, ");
}

static void put_text_search(rh_writer *w, const rh_node *n, const rh_filter *f)
{
    const char *type = rh_plan_type(n, &f->field);
    const rh_path_step *last = f->field.n_steps ? &f->field.steps[f->field.n_steps - 1] : NULL;
    bool text = last ? last->as_text : strcmp(type, "text") == 0;
    bool json = last ? !last->as_text : rh_plan_form(n, &f->field) == RH_JSON_RAW;
    if (!last && strcmp(type, "tsvector") == 0) {
        rh_put_field(w, n, &f->field);
    } else {
        rh_put(w, "pg_catalog.to_tsvector(");
        put_language(w, f);
        rh_put_field(w, n, &f->field);
        rh_put(w, text || json ? ")" : "::text)");
    }
    rh_put(w, " @@ pg_catalog.");
    rh_put(w, rh_ops[f->op].sql);
    rh_str_addc(&w->text, '(');
    put_language(w, f);
    rh_put_param(w, f->value);
    rh_put(w, "::text)");
}

static void put_exists(rh_writer *w, const rh_node *child);

/* The column whose values the filter's is compared with; NULL where it is no value of one, but a pattern. */
static const rh_column *read_as(const rh_node *n, const rh_filter *f)
{
    static const rh_op patterns[] = {RH_OP_LIKE, RH_OP_ILIKE, RH_OP_MATCH, RH_OP_IMATCH};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (f->op == patterns[i])
            return NULL;
    return f->field.n_steps || f->field.computed ? NULL : &n->columns[f->field.column];
}

static void put_filter(rh_writer *w, const rh_node *n, const rh_filter *f)
{
    static const char *const words[] = {"NULL", "NOT NULL", "TRUE", "FALSE", "UNKNOWN"};
    static const char *const quantifiers[] = {"", " ANY", " ALL"};
    const rh_op_row *op = &rh_ops[f->op];
    if (f->embed) { /* the embed is null where nothing exists */
        rh_put(w, (f->word == RH_IS_NULL) != f->negated ? "NOT " : "");
        put_exists(w, f->embed);
        return;
    }
    rh_put(w, f->negated ? "NOT (" : "");
    if (op->class == RH_OP_TEXT_SEARCH) {
        put_text_search(w, n, f);
    } else {
        rh_put_field(w, n, &f->field);
        rh_str_addc(&w->text, ' ');
        rh_put(w, op->sql);
        rh_put(w, quantifiers[f->quantifier]);
        rh_put(w, op->class == RH_OP_LIST || f->quantifier ? " (" : " ");
        if (op->class == RH_OP_WORD)
            rh_put(w, words[f->word]);
        else if (op->class == RH_OP_LIST || f->quantifier)
            rh_put_operands(w, read_as(n, f), f->value);
        else
            rh_put_operand(w, read_as(n, f), f->value);
        rh_put(w, op->class == RH_OP_LIST || f->quantifier ? ")" : "");
    }
    rh_put(w, f->negated ? ")" : "");
}

static void put_logic(rh_writer *w, const rh_node *n, const rh_logic *l)
{
    if (l->kind == RH_LOGIC_FILTER) {
        put_filter(w, n, &l->filter);
        return;
    }
    rh_put(w, l->negated ? "NOT (" : "(");
    for (size_t i = 0; i < l->items.len; i++) {
        if (i)
            rh_put(w, l->kind == RH_LOGIC_AND ? " AND " : " OR ");
        put_logic(w, n, l->items.items[i]);
    }
    rh_str_addc(&w->text, ')');
}

void rh_put_and(rh_writer *w, bool *begun)
{
    rh_put(w, *begun ? " AND " : " WHERE ");
    *begun = true;
}

static bool has_key(const rh_writer *w, const rh_relation *r)
{
    return w->plan->naming->keyed && r && r->set == RH_SET_TENANT && r->tenant_key >= 0;
}

/* THE rule of shared homes: this reference shows rows of the tenant only; so does its junction. */
static void put_tenant_condition(rh_writer *w, const rh_node *n, bool *begun)
{
    if (has_key(w, n->relation)) {
        rh_put_and(w, begun);
        rh_put_column(w, n, n->relation->tenant_key);
        rh_put(w, " = ");
        rh_put_tenant(w);
    }
    if (n->link.kind == RH_LINK_JUNCTION && has_key(w, n->link.fk->from)) {
        rh_put_and(w, begun);
        rh_put_junction_column(w, n, n->link.fk->from->tenant_key);
        rh_put(w, " = ");
        rh_put_tenant(w);
    }
}

static void put_key_link(rh_writer *w, const rh_node *n, bool *begun)
{
    const rh_foreign_key *fk = n->link.fk;
    bool forward = n->link.kind == RH_LINK_FORWARD;
    for (int i = 0; i < fk->n; i++) {
        rh_put_and(w, begun);
        rh_put_column(w, n, forward ? fk->to_columns[i] : fk->from_columns[i]);
        rh_put(w, " = ");
        rh_put_column(w, n->parent, forward ? fk->from_columns[i] : fk->to_columns[i]);
    }
}

static void put_junction_link(rh_writer *w, const rh_node *n, bool *begun)
{
    const rh_foreign_key *near = n->link.fk, *far = n->link.far;
    for (int i = 0; i < near->n; i++) {
        rh_put_and(w, begun);
        rh_put_junction_column(w, n, near->from_columns[i]);
        rh_put(w, " = ");
        rh_put_column(w, n->parent, near->to_columns[i]);
    }
    for (int i = 0; i < far->n; i++) {
        rh_put_and(w, begun);
        rh_put_column(w, n, far->to_columns[i]);
        rh_put(w, " = ");
        rh_put_junction_column(w, n, far->from_columns[i]);
    }
}

static void put_link(rh_writer *w, const rh_node *n, bool *begun)
{
    switch (n->link.kind) {
    case RH_LINK_FORWARD:
    case RH_LINK_REVERSE:
        put_key_link(w, n, begun);
        break;
    case RH_LINK_JUNCTION:
        put_junction_link(w, n, begun);
        break;
    case RH_LINK_COMPUTED:
        if (!n->link.function->returns_set) { /* null is no row, but one of nulls */
            rh_put_and(w, begun);
            rh_put(w, "NOT (");
            rh_put_alias(w, 't', n);
            rh_put(w, " IS NULL)");
        }
        break;
    case RH_LINK_NONE:
        break;
    }
}

static void put_keys(rh_writer *w, const rh_node *n, bool *begun)
{
    for (int i = 0; !n->parent && i < w->plan->n_keys; i++) {
        rh_put_and(w, begun);
        rh_put_column(w, n, n->relation->primary_key[i]);
        rh_put(w, " = ");
        rh_put_operand(w, &n->columns[n->relation->primary_key[i]], w->plan->keys[i]);
    }
}

void rh_put_inner_embeds(rh_writer *w, const rh_node *n, bool *begun)
{
    for (size_t i = 0; i < n->children.len; i++)
        if (n->children.items[i]->query->join == RH_JOIN_INNER) {
            rh_put_and(w, begun);
            put_exists(w, n->children.items[i]);
        }
}

void rh_put_own_conditions(rh_writer *w, const rh_node *n, bool *begun)
{
    put_tenant_condition(w, n, begun);
    put_link(w, n, begun);
    put_keys(w, n, begun);
    for (size_t i = 0; i < n->query->conditions.len; i++) {
        rh_put_and(w, begun);
        put_logic(w, n, n->query->conditions.items[i]);
    }
}

void rh_put_where(rh_writer *w, const rh_node *n)
{
    bool begun = false;
    rh_put_own_conditions(w, n, &begun);
    rh_put_inner_embeds(w, n, &begun);
}

void rh_put_reference(rh_writer *w, const rh_node *n)
{
    if (n->link.kind == RH_LINK_COMPUTED)
        rh_put_function_of_row(w, n->link.function, n->parent);
    else
        rh_put_relation(w, n->relation);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', n);
    if (n->link.kind != RH_LINK_JUNCTION)
        return;
    rh_put(w, ", ");
    rh_put_relation(w, n->link.fk->from);
    rh_put(w, " AS ");
    rh_put_alias(w, 'j', n);
}

static void put_exists(rh_writer *w, const rh_node *child)
{
    rh_put(w, "EXISTS (SELECT FROM ");
    rh_put_reference(w, child);
    rh_put_where(w, child);
    rh_str_addc(&w->text, ')');
}
