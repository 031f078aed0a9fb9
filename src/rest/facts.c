/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/facts.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "rest/plan.h"

/* ---- types ---- */

/* As PostgREST has it: types that are not here are texts. */
static const struct {
    const char *name, *json_type;
} json_types[] = {
    {"boolean", "boolean"},         {"smallint", "integer"}, {"integer", "integer"},
    {"bigint", "integer"},          {"numeric", "number"},   {"real", "number"},
    {"double precision", "number"}, {"json", NULL},          {"jsonb", NULL},
};

static bool is_array(const char *name)
{
    size_t n = strlen(name);
    return n > 2 && strcmp(name + n - 2, "[]") == 0;
}

const char *rh_json_type_of(const char *name)
{
    for (size_t i = 0; i < sizeof json_types / sizeof *json_types; i++)
        if (strcmp(json_types[i].name, name) == 0)
            return json_types[i].json_type;
    return is_array(name) ? "array" : "string";
}

/* Without what stands in parentheses: `numeric(20,10)[]` is `numeric[]`. */
static const char *without_modifiers(rh_arena *a, const char *text)
{
    bool quoted = false, inside = false;
    if (!strchr(text, '('))
        return text;
    char *out = rh_arena_strdup(a, text), *to = out;
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        if (*p == '(' && !quoted)
            inside = true;
        if (!inside)
            *to++ = *p;
        if (*p == ')' && !quoted)
            inside = false;
    }
    *to = 0;
    return out;
}

static int64_t max_length_of(const char *text)
{
    static const char *const with_length[] = {"character varying(", "character(", "bit varying(", "bit("};
    int64_t n = 0;
    for (size_t i = 0; i < sizeof with_length / sizeof *with_length && !is_array(text); i++)
        if (rh_starts_with(text, with_length[i]))
            for (const char *p = text + strlen(with_length[i]); *p >= '0' && *p <= '9'; p++)
                n = n * 10 + (*p - '0');
    return n;
}

void rh_value_facts_of(rh_arena *a, const rh_type *type, const rh_app_type *app_type, rh_value_facts *out)
{
    const char *text = type->text;
    bool whole = app_type && !is_array(text);
    if (whole && app_type->base.text && !app_type->base.home && !strchr(app_type->base.text, '.'))
        text = app_type->base.text;
    *out = (rh_value_facts){
        .name = without_modifiers(a, text), .max_length = max_length_of(text), .of = app_type};
    out->json_type = rh_json_type_of(out->name);
    if (is_array(out->name))
        out->item = rh_arena_strndup(a, out->name, strlen(out->name) - 2);
    if (whole) {
        out->labels = app_type->labels;
        out->n_labels = app_type->n_labels;
    }
}

/* ---- columns ---- */

bool rh_column_is_nullable(const rh_column *c)
{
    return !c->not_null && !(c->app_type && c->app_type->not_null && !is_array(c->type.text));
}

const char *rh_column_comment(const rh_column *c)
{
    return c->notes ? c->notes->comment : NULL;
}

/* 'it''s'::text is it's; anything but a literal with its type stays as it is. */
static const char *literal_of(rh_arena *a, const char *text)
{
    char *out = rh_arena_strdup(a, text), *to = out;
    const char *p = text;
    if (*p++ != '\'')
        return text;
    for (; *p && !(*p == '\'' && p[1] != '\''); p++) {
        *to++ = *p;
        p += *p == '\'';
    }
    *to = 0;
    bool typed = rh_starts_with(p, "'::");
    for (p += typed ? 3 : 0; typed && *p; p++)
        typed = isalnum((unsigned char)*p) || strchr(" _.\"[](),", *p);
    return typed ? out : text;
}

static bool fits(const json_t *v, const char *json_type)
{
    return strcmp(json_type, "boolean") == 0   ? json_is_boolean(v)
           : strcmp(json_type, "integer") == 0 ? json_is_integer(v)
                                               : json_is_number(v);
}

const char *rh_column_default(rh_arena *a, const rh_column *c, const rh_value_facts *facts)
{
    const char *text = c->notes ? c->notes->default_text : NULL;
    if (!text && c->app_type && !is_array(c->type.text))
        text = c->app_type->default_text;
    if (!text || !facts->json_type || facts->item || (facts->of && facts->of->to_json.text))
        return NULL;
    if (strcmp(facts->json_type, "string") == 0) {
        rh_str json;
        const char *literal = literal_of(a, text);
        rh_str_init_in(&json, a, RH_STR_TEXT_MAX);
        rh_json_add_string(&json, literal, strlen(literal));
        return rh_str_cstr(&json);
    }
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    bool plain = v && fits(v, facts->json_type);
    json_decref(v);
    return plain ? text : NULL;
}

bool rh_column_in_primary_key(const rh_relation *r, int column)
{
    for (int i = 0; i < r->n_primary_key; i++)
        if (r->primary_key[i] == column)
            return true;
    return false;
}

/* The pair of the key's columns that is not the tenant's, -1 when there are several. */
static int only_pair(const rh_rest_naming *n, const rh_foreign_key *fk)
{
    int pair = -1;
    for (int i = 0; i < fk->n; i++) {
        if (n->keyed && fk->n > 1 && fk->from_columns[i] == fk->from->tenant_key)
            continue;
        if (pair >= 0)
            return -1;
        pair = i;
    }
    return pair;
}

const rh_foreign_key *rh_column_key(const rh_rest_naming *n, const rh_relation *r, int column, int *to)
{
    const rh_foreign_key *found = NULL;
    for (int i = 0; i < r->n_keys_from; i++) {
        const rh_foreign_key *fk = r->keys_from[i];
        int pair = only_pair(n, fk);
        if (pair < 0 || fk->from_columns[pair] != column || !rh_plan_serves(n, fk->to) ||
            (found && (found->to->kind != 'v' || fk->to->kind == 'v')))
            continue;
        found = fk;
        *to = fk->to_columns[pair];
    }
    return found;
}

/* ---- relations and functions ---- */

bool rh_relation_is_shown(const rh_relation_cache *c, const rh_rest_naming *n, const rh_relation *r)
{
    return rh_plan_serves(n, r) && rh_relation_find(c, r->name, strlen(r->name)) == r;
}

const char *rh_path_of(rh_arena *a, const char *before, const char *name)
{
    rh_str s;
    rh_str_init_in(&s, a, RH_STR_TEXT_MAX);
    rh_str_add(&s, before);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || strchr("\"#%/<>?[\\]^`{|}\x7f", *p))
            rh_str_addf(&s, "%%%02X", (unsigned char)*p);
        else
            rh_str_addc(&s, *p);
    return rh_str_cstr(&s);
}

bool rh_column_is_filtered(const rh_column *c)
{
    static const char *const names[] = {"select",      "order",   "limit", "offset",
                                        "on_conflict", "columns", "and",   "or"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], c->name) == 0)
            return false;
    return true;
}

int rh_relation_takes(const rh_relation *r, rh_openapi_mode mode)
{
    if (mode == RH_OPENAPI_IGNORE)
        return r->takes;
    return (r->insertable ? RH_TAKES_INSERT : 0) | (r->updatable ? RH_TAKES_UPDATE : 0) |
           (r->deletable ? RH_TAKES_DELETE : 0);
}

static bool takes_whole_body(const rh_argument *a)
{
    static const char *const types[] = {"json", "jsonb", "text", "xml", "bytea"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(a->type.text, types[i]) == 0)
            return true;
    return false;
}

bool rh_function_is_served(const rh_rest_naming *n, const rh_function *f)
{
    if (f->returns_relation && !rh_plan_serves(n, f->returns_relation))
        return false;
    for (int i = 0; i < f->n_arguments; i++) {
        const rh_argument *a = &f->arguments[i];
        if (a->row_of || (!*a->name && (f->n_arguments > 1 || !takes_whole_body(a))))
            return false;
    }
    return true;
}

bool rh_function_is_shown(const rh_relation_cache *c, const rh_rest_naming *n, const rh_function *f)
{
    int overloads;
    const rh_function *first = rh_function_find(c, f->name, strlen(f->name), &overloads), *shown = NULL;
    for (int i = 0; i < overloads; i++)
        if (rh_function_is_served(n, &first[i]))
            shown = &first[i];
    return shown == f;
}

void rh_comment_parts(rh_arena *a, const char *comment, const char **first, const char **rest)
{
    const char *end = comment ? strchr(comment, '\n') : NULL;
    *first = end ? rh_arena_strndup(a, comment, (size_t)(end - comment)) : comment;
    *rest = end ? end + strspn(end, "\n") : NULL;
    if (*rest && !**rest)
        *rest = NULL;
}
