/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_words.h"

void rh_put_param(rh_writer *w, const char *value)
{
    if (w->values.len == 65535) { /* the protocol's bound */
        w->overflow = true;
        return;
    }
    RH_VEC_PUSH(w->arena, &w->values, value);
    rh_str_addc(&w->text, '$');
    rh_str_addu(&w->text, w->values.len);
}

void rh_put_number(rh_writer *w, int64_t n)
{
    rh_str text;
    rh_str_init_in(&text, w->arena, 24);
    rh_str_addu(&text, (uint64_t)n); /* never negative */
    rh_put_param(w, rh_str_cstr(&text));
    rh_put(w, "::bigint");
}

void rh_put_tenant(rh_writer *w)
{
    rh_put(w, "$1::");
    rh_put(w, w->plan->naming->id_type);
}

void rh_put_schema(rh_writer *w, rh_set set)
{
    const rh_rest_naming *n = w->plan->naming;
    rh_str_add_ident(&w->text, set == RH_SET_TENANT ? n->schema : n->reference_schema);
    rh_str_addc(&w->text, '.');
}

void rh_put_relation(rh_writer *w, const rh_relation *r)
{
    rh_put_schema(w, r->set);
    rh_str_add_ident(&w->text, r->name);
}

void rh_put_type(rh_writer *w, const rh_type *t)
{
    if (t->home)
        rh_put_schema(w, RH_SET_TENANT);
    rh_put(w, t->text);
}

void rh_put_alias(rh_writer *w, char kind, const rh_node *n)
{
    rh_str_addc(&w->text, kind);
    rh_str_addu(&w->text, (uint64_t)n->number);
}

void rh_put_column(rh_writer *w, const rh_node *n, int column)
{
    rh_put_alias(w, 't', n);
    rh_str_addc(&w->text, '.');
    rh_str_add_ident(&w->text, n->columns[column].name);
}

void rh_put_junction_column(rh_writer *w, const rh_node *n, int column)
{
    rh_put_alias(w, 'j', n);
    rh_str_addc(&w->text, '.');
    rh_str_add_ident(&w->text, n->link.fk->from->columns[column].name);
}

static const rh_type *reader(const rh_column *column, bool json)
{
    const rh_app_type *t = column ? rh_cast_domain(column) : NULL;
    const rh_type *f = t ? (json ? &t->from_json : &t->from_text) : NULL;
    return f && f->text ? f : NULL;
}

void rh_put_operand(rh_writer *w, const rh_column *column, const char *value)
{
    const rh_type *f = reader(column, false);
    if (f) {
        rh_put_type(w, f);
        rh_str_addc(&w->text, '(');
    }
    rh_put_param(w, value);
    rh_put(w, f ? "::text)" : "");
}

void rh_put_operands(rh_writer *w, const rh_column *column, const char *values)
{
    const rh_type *f = reader(column, false);
    if (f) {
        rh_put(w, "ARRAY(SELECT ");
        rh_put_type(w, f);
        rh_put(w, "(v) FROM pg_catalog.unnest(");
    }
    rh_put_param(w, values);
    rh_put(w, f ? "::text[]) AS v)" : "");
}

void rh_put_given(rh_writer *w, const rh_column *column)
{
    const rh_type *f = reader(column, true);
    if (f) {
        rh_put_type(w, f);
        rh_str_addc(&w->text, '(');
    }
    rh_put(w, "x.");
    rh_str_add_ident(&w->text, column->name);
    rh_put(w, f ? ")" : "");
}

void rh_put_given_type(rh_writer *w, const rh_column *column)
{
    if (reader(column, true))
        rh_put(w, "json");
    else
        rh_put_type(w, &column->type);
}

void rh_put_function_of_row(rh_writer *w, const rh_function *f, const rh_node *n)
{
    bool record = w->from_with && !n->parent;
    rh_put_schema(w, f->set);
    rh_str_add_ident(&w->text, f->name);
    rh_put(w, record ? "(ROW(" : "(");
    rh_put_alias(w, 't', n);
    if (record) {
        rh_put(w, ".*)::");
        rh_put_relation(w, n->relation);
    }
    rh_str_addc(&w->text, ')');
}
