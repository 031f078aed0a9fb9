/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_load.h"

#include <string.h>

#include "base/str.h"

/* Types of PostgreSQL whose texts go in a form of their own, by how format_type() begins them; `bare` is the
 * type without its modifiers, NULL: the name as it is, without what stands in parentheses. To add one: a row.
 * */
static const struct {
    const char *name;
    rh_load_form form;
    const char *bare;
} known[] = {
    {"text", RH_LOAD_TEXT, NULL},
    {"character varying", RH_LOAD_TEXT, NULL},
    {"character(", RH_LOAD_TEXT, "bpchar"}, /* "character" alone would be character(1) */
    {"bpchar", RH_LOAD_TEXT, NULL},
    {"json", RH_LOAD_JSON, NULL},
    {"jsonb", RH_LOAD_JSON, NULL},
    {"box", RH_LOAD_CAST, NULL}, /* its arrays have another separator */
    {"bit varying", RH_LOAD_LITERAL, NULL},
    {"bit(", RH_LOAD_LITERAL, "\"bit\""}, /* likewise */
    {"numeric", RH_LOAD_LITERAL, NULL},
    {"timestamp", RH_LOAD_LITERAL, NULL},
    {"time", RH_LOAD_LITERAL, NULL},
    {"interval", RH_LOAD_LITERAL, NULL},
};

static bool is_array(const char *type)
{
    size_t n = strlen(type);
    return n > 2 && strcmp(type + n - 2, "[]") == 0;
}

/* The name, and nothing but modifiers, other words or [] behind it. */
static bool begins(const char *type, const char *name)
{
    size_t n = strlen(name);
    return strncmp(type, name, n) == 0 && (name[n - 1] == '(' || !type[n] || strchr("( [", type[n]));
}

static int find_known(const char *type)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(type, known[i].name))
            return (int)i;
    return -1;
}

static bool is_json(const char *type)
{
    return strcmp(type, "json") == 0 || strcmp(type, "jsonb") == 0;
}

/* A domain's arrays have its base's separator, and a text for one of json is no text. */
static bool is_odd(const rh_type *base)
{
    return !base->text || strchr(base->text, '.') || is_json(base->text) || strcmp(base->text, "box") == 0;
}

static rh_load_form form_of_own(const rh_column *c)
{
    const rh_app_type *domain = rh_cast_domain(c);
    if (domain && domain->from_json.text)
        return RH_LOAD_JSON;
    if (is_array(c->type.text))
        return RH_LOAD_CAST;
    return c->app_type->kind == 'd' && is_odd(&c->app_type->base) ? RH_LOAD_NONE : RH_LOAD_LITERAL;
}

rh_load_form rh_load_form_of(const rh_column *c)
{
    const char *type = c->type.text;
    if (c->app_type)
        return form_of_own(c);
    if (c->type.home ||
        strchr(type, '.')) /* an extension's: what its modifiers and arrays are like is its own affair */
        return RH_LOAD_NONE;
    int i = find_known(type);
    if (i < 0 && strchr(type, '('))
        return RH_LOAD_NONE;
    if (is_array(type))
        return RH_LOAD_CAST;
    return i < 0 ? RH_LOAD_LITERAL : known[i].form;
}

bool rh_sql_loads(const rh_plan *p)
{
    const rh_body_part *part = &p->parts.items[0];
    if (p->parts.len != 1 || !part->n || part->rows)
        return false;
    for (int i = 0; i < part->n; i++)
        if (rh_load_form_of(&p->root.columns[part->columns[i]]) == RH_LOAD_NONE)
            return false;
    return true;
}

/* Without modifiers: a cast would cut off what is too long, where the insert refuses it. */
static void put_bare_type(rh_writer *w, const rh_column *c)
{
    const char *type = c->type.text, *open = strchr(type, '('), *close = open ? strchr(open, ')') : NULL;
    int i = c->app_type ? -1 : find_known(type);
    if (i >= 0 && known[i].bare) {
        rh_put(w, known[i].bare);
        rh_put(w, is_array(type) ? "[]" : "");
    } else if (!c->app_type && close) {
        rh_str_addn(&w->text, type, (size_t)(open - type));
        rh_put(w, close + 1);
    } else {
        rh_put_type(w, &c->type);
    }
}

static void put_texts(rh_writer *w)
{
    rh_put(w, "pg_catalog.unnest(");
    rh_put_param(w, NULL);
    rh_put(w, "::text[])");
}

static void put_column(rh_writer *w, const rh_column *c)
{
    switch (rh_load_form_of(c)) {
    case RH_LOAD_NONE:
    case RH_LOAD_TEXT:
        put_texts(w);
        break;
    case RH_LOAD_LITERAL:
        rh_put(w, "pg_catalog.unnest(");
        rh_put_param(w, NULL);
        rh_put(w, "::");
        put_bare_type(w, c);
        rh_put(w, "[])");
        break;
    case RH_LOAD_JSON:
        rh_put(w, strcmp(c->type.text, "jsonb") == 0 ? "pg_catalog.to_jsonb(" : "pg_catalog.to_json(");
        put_texts(w);
        rh_put(w, ")");
        break;
    case RH_LOAD_CAST:
        put_texts(w);
        rh_put(w, "::");
        put_bare_type(w, c);
        break;
    }
}

void rh_put_load(rh_writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    rh_put(w, " FROM (SELECT ");
    for (int i = 0; i < part->n; i++) {
        const rh_column *c = &p->root.columns[part->columns[i]];
        rh_put(w, i ? ", " : "");
        put_column(w, c);
        rh_put(w, " AS ");
        rh_str_add_ident(&w->text, c->name);
    }
    rh_put(w, ") AS x");
}
