/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_call.h"

static void put_call(rh_writer *w)
{
    const rh_plan *p = w->plan;
    rh_put_schema(w, p->function->set);
    rh_str_add_ident(&w->text, p->function->name);
    rh_str_addc(&w->text, '(');
    for (size_t i = 0; i < p->arguments.len; i++) {
        const rh_argument *a = p->arguments.items[i];
        rh_put(w, i ? ", " : "");
        if (p->whole) {
            rh_put_param(w, p->whole);
            rh_put(w, "::");
            rh_put_type(w, &a->type);
            continue;
        }
        rh_put(w, a->variadic ? "VARIADIC " : "");
        rh_str_add_ident(&w->text, a->name);
        rh_put(w, " => ");
        if (p->argument_values) {
            rh_put_param(w, p->argument_values[i]);
            rh_put(w, "::");
            rh_put_type(w, &a->type);
        } else {
            rh_put(w, "a.");
            rh_str_add_ident(&w->text, a->name);
        }
    }
    rh_str_addc(&w->text, ')');
}

/* `json_to_record($2::json) AS a ("x" type)`: the arguments that stand in the body; in an array its first
 * and only object has them. */
static bool put_argument_source(rh_writer *w)
{
    const rh_plan *p = w->plan;
    if (p->argument_values || p->whole || !p->arguments.len)
        return false;
    rh_put(w, "pg_catalog.json_to_record(");
    rh_put_param(w, p->body.is_array ? p->body.array : p->body.object);
    rh_put(w, p->body.is_array ? "::json->0) AS a (" : "::json) AS a (");
    for (size_t i = 0; i < p->arguments.len; i++) {
        rh_put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, p->arguments.items[i]->name);
        rh_str_addc(&w->text, ' ');
        rh_put_type(w, &p->arguments.items[i]->type);
    }
    rh_str_addc(&w->text, ')');
    return true;
}

void rh_put_call_source(rh_writer *w)
{
    rh_put(w, " FROM ");
    if (put_argument_source(w))
        rh_put(w, ", LATERAL ");
    put_call(w);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', &w->plan->root);
}

void rh_put_scalar_call(rh_writer *w)
{
    const rh_plan *p = w->plan;
    bool via_sql = p->value_form == RH_JSON_VIA_SQL && !p->function->returns_void && !p->csv && !p->maker;
    rh_put(w, via_sql ? "SELECT pg_catalog.to_json(" : "SELECT ");
    if (p->value_shown) {
        rh_put_type(w, p->value_shown);
        rh_str_addc(&w->text, '(');
    }
    put_call(w);
    rh_put(w, via_sql || p->value_shown ? ") AS v" : " AS v");
    if (!p->argument_values && !p->whole && p->arguments.len) {
        rh_put(w, " FROM ");
        put_argument_source(w);
    }
}
