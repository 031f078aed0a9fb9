/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/link.h"

#include <string.h>

#include "base/json.h"

#include "base/near.h"
#include "rest/plan.h"
#include "rest/scan.h"

struct search {
    rh_arena *arena;
    const rh_rest_naming *naming;
    const rh_relation *origin;
    const rh_query *embed;
    RH_VEC(rh_link) found;
};

const rh_relation *rh_link_target(const rh_link *l)
{
    switch (l->kind) {
    case RH_LINK_FORWARD:
        return l->fk->to;
    case RH_LINK_REVERSE:
        return l->fk->from;
    case RH_LINK_JUNCTION:
        return l->far->to;
    case RH_LINK_COMPUTED:
        return l->function->returns_relation;
    default:
        return NULL;
    }
}

bool rh_link_is_to_one(const rh_link *l)
{
    return l->kind == RH_LINK_FORWARD || (l->kind == RH_LINK_REVERSE && l->fk->unique) ||
           (l->kind == RH_LINK_COMPUTED && l->function->one_row);
}

/* ---- what matches ---- */

/* The name of the one column that a key has besides the tenant key; NULL when there are several. */
static const char *single_column(const rh_relation *r, const int *columns, int n)
{
    const char *name = NULL;
    for (int i = 0; i < n; i++) {
        if (n > 1 && columns[i] == r->tenant_key)
            continue;
        if (name)
            return NULL;
        name = r->columns[columns[i]].name;
    }
    return name;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool key_matches(const rh_foreign_key *fk, bool forward, const rh_query *embed)
{
    const rh_relation *other = forward ? fk->to : fk->from;
    const char *from = single_column(fk->from, fk->from_columns, fk->n);
    const char *to = single_column(fk->to, fk->to_columns, fk->n);
    bool named = same(embed->name, other->name);
    if (fk->from == fk->to) {
        if (embed->hint)
            return named && !forward && same(embed->hint, from);
        return forward ? same(embed->name, from) : named;
    }
    if (embed->hint)
        return named && (same(embed->hint, fk->name) || same(embed->hint, from) || same(embed->hint, to));
    /* a view has the keys of its table: by the key's own name the table is meant */
    return named ||
           (other->kind != 'v' && (same(embed->name, fk->name) || (forward && same(embed->name, from)) ||
                                   (!forward && fk->unique && same(embed->name, to))));
}

static void find_keys(struct search *s, bool forward)
{
    const rh_relation *here = s->origin;
    int n = forward ? here->n_keys_from : here->n_keys_to;
    for (int i = 0; i < n; i++) {
        const rh_foreign_key *fk = forward ? here->keys_from[i] : here->keys_to[i];
        if (!rh_plan_serves(s->naming, forward ? fk->to : fk->from) || !key_matches(fk, forward, s->embed))
            continue;
        rh_link l = {.kind = forward ? RH_LINK_FORWARD : RH_LINK_REVERSE, .fk = fk};
        RH_VEC_PUSH(s->arena, &s->found, l);
    }
}

static bool in_primary_key(const rh_foreign_key *fk)
{
    const rh_relation *r = fk->from;
    for (int i = 0; i < fk->n; i++) {
        bool found = fk->from_columns[i] == r->tenant_key;
        for (int k = 0; k < r->n_primary_key && !found; k++)
            found = r->primary_key[k] == fk->from_columns[i];
        if (!found)
            return false;
    }
    return r->n_primary_key > 0;
}

/* A view over a junction is one where the hint names it, or where no table is: it would make every link
 * ambiguous. */
static bool junction_matches(const rh_relation *junction, const rh_query *embed, bool views)
{
    return embed->hint ? same(embed->hint, junction->name) : (junction->kind == 'v') == views;
}

static void find_junctions(struct search *s, bool views)
{
    for (int i = 0; i < s->origin->n_keys_to; i++) {
        const rh_foreign_key *near = s->origin->keys_to[i];
        const rh_relation *junction = near->from;
        if (!rh_plan_serves(s->naming, junction) || !junction_matches(junction, s->embed, views) ||
            !in_primary_key(near))
            continue;
        for (int j = 0; j < junction->n_keys_from; j++) {
            const rh_foreign_key *far = junction->keys_from[j];
            if (strcmp(near->name, far->name) == 0 || !same(s->embed->name, far->to->name) ||
                !rh_plan_serves(s->naming, far->to) || !in_primary_key(far))
                continue;
            rh_link l = {.kind = RH_LINK_JUNCTION, .fk = near, .far = far};
            RH_VEC_PUSH(s->arena, &s->found, l);
        }
    }
}

const rh_function *rh_link_computed(const rh_relation_cache *c, const rh_relation *rel, const char *name,
                                    bool of_relations)
{
    int n;
    const rh_function *f = rh_function_find(c, name, strlen(name), &n);
    for (int i = 0; i < n; i++)
        if (f[i].n_arguments == 1 && f[i].arguments[0].row_of == rel &&
            (of_relations ? f[i].returns_relation != NULL
                          : !f[i].returns_relation && !f[i].returns_set && !f[i].returns_void))
            return &f[i];
    return NULL;
}

/* ---- refusals ---- */

static bool none(const struct search *s, rh_err *err)
{
    const rh_query *embed = s->embed;
    const rh_relation *here = s->origin;
    const char *origin = here->name;
    rh_near near = RH_NEAR(embed->name);
    rh_err_set(err, RH_E_NO_RELATIONSHIP,
               "Could not find a relationship between '%s' and '%.*s' in the schema cache", origin,
               RH_CLIPPED(embed->name));
    rh_err_detail(err,
                  "Searched for a foreign key relationship between '%s' and '%.*s'%s%.*s%s in the schema "
                  "'%s', but no matches "
                  "were found.",
                  origin, RH_CLIPPED(embed->name), embed->hint ? " using the hint '" : "",
                  RH_CLIPPED(embed->hint ? embed->hint : ""), embed->hint ? "'" : "", s->naming->told_schema);
    for (int i = 0; i < here->n_keys_from; i++)
        if (rh_plan_serves(s->naming, here->keys_from[i]->to))
            rh_near_try(&near, here->keys_from[i]->to->name);
    for (int i = 0; i < here->n_keys_to; i++)
        if (rh_plan_serves(s->naming, here->keys_to[i]->from))
            rh_near_try(&near, here->keys_to[i]->from->name);
    if (near.best && strcmp(near.best, embed->name) != 0)
        rh_err_hint(err, "Perhaps you meant '%s' instead of '%.*s'.", near.best, RH_CLIPPED(embed->name));
    return false;
}

static void add_columns(rh_str *s, const char *name, const rh_relation *r, const int *columns, int n)
{
    rh_str_add(s, name);
    rh_str_addc(s, '(');
    for (int i = 0; i < n; i++) {
        rh_str_add(s, i ? ", " : "");
        rh_str_add(s, r->columns[columns[i]].name);
    }
    rh_str_addc(s, ')');
}

static const char *cardinality(const rh_link *l)
{
    return l->kind == RH_LINK_JUNCTION                   ? "many-to-many"
           : l->kind == RH_LINK_FORWARD && l->fk->unique ? "one-to-one"
           : l->kind == RH_LINK_FORWARD                  ? "many-to-one"
           : rh_link_is_to_one(l)                        ? "one-to-one"
                                                         : "one-to-many";
}

static void describe(rh_str *s, const rh_link *l)
{
    const rh_foreign_key *fk = l->fk;
    if (l->kind == RH_LINK_JUNCTION) {
        rh_str_addf(s, "%s using ", fk->from->name);
        add_columns(s, fk->name, fk->from, fk->from_columns, fk->n);
        rh_str_add(s, " and ");
        add_columns(s, l->far->name, fk->from, l->far->from_columns, l->far->n);
        return;
    }
    bool forward = l->kind == RH_LINK_FORWARD;
    rh_str_addf(s, "%s using ", fk->name);
    add_columns(s, forward ? fk->from->name : fk->to->name, forward ? fk->from : fk->to,
                forward ? fk->from_columns : fk->to_columns, fk->n);
    rh_str_add(s, " and ");
    add_columns(s, forward ? fk->to->name : fk->from->name, forward ? fk->to : fk->from,
                forward ? fk->to_columns : fk->from_columns, fk->n);
}

static void add_member(rh_str *json, const char *before, const char *text)
{
    rh_str_add(json, before);
    rh_json_add_string(json, text, strlen(text));
}

/* {"cardinality": .., "embedding": .., "relationship": ..} */
static void add_link(const struct search *s, rh_str *json, const rh_link *l)
{
    rh_str text;
    rh_str_init_in(&text, s->arena, 1024);
    add_member(json, "{\"cardinality\":", cardinality(l));
    add_member(json, ",\"embedding\":",
               rh_arena_printf(s->arena, "%s with %s", s->origin->name, rh_link_target(l)->name));
    describe(&text, l);
    add_member(json, ",\"relationship\":", rh_str_cstr(&text));
    rh_str_addc(json, '}');
}

static bool several(const struct search *s, rh_err *err)
{
    rh_str detail, one, hint;
    const char *name = s->embed->name;
    rh_str_init_in(&detail, s->arena, sizeof err->detail);
    rh_str_init_in(&hint, s->arena, sizeof err->hint / 2);
    for (size_t i = 0; i < s->found.len; i++) {
        const rh_link *l = &s->found.items[i];
        rh_str_init_in(&one, s->arena, sizeof err->detail);
        add_link(s, &one, l);
        if (!one.overflow && detail.len + one.len + 3 < sizeof err->detail) { /* those that fit */
            rh_str_addc(&detail, detail.len ? ',' : '[');
            rh_str_add(&detail, rh_str_cstr(&one));
        }
        rh_str_addf(&hint, "%s'%s!%s'", i ? ", " : "", rh_link_target(l)->name,
                    l->kind == RH_LINK_JUNCTION ? l->fk->from->name : l->fk->name);
    }
    rh_err_set(err, RH_E_AMBIGUOUS,
               "Could not embed because more than one relationship was found for '%s' and '%.*s'",
               s->origin->name, RH_CLIPPED(name));
    rh_str_add(&detail, detail.len ? "]" : "[]");
    rh_err_detail_json(err, rh_str_cstr(&detail));
    return rh_err_hint(err,
                       "Try changing '%.*s' to one of the following: %s. Find the desired relationship in "
                       "the 'details' key.",
                       rh_clip(name, 63), name, rh_str_cstr(&hint));
}

bool rh_link_find(rh_arena *a, const rh_relation_cache *c, const rh_rest_naming *naming,
                  const rh_relation *origin, const rh_query *embed, rh_link *out, rh_err *err)
{
    struct search s = {a, naming, origin, embed, {0}};
    const rh_function *f = rh_link_computed(c, origin, embed->name, true);
    if (f && rh_plan_serves(naming, f->returns_relation)) { /* the app's word goes before what keys say */
        *out = (rh_link){.kind = RH_LINK_COMPUTED, .function = f};
        return true;
    }
    find_keys(&s, true);
    find_keys(&s, false);
    find_junctions(&s, false);
    if (!s.found.len && !embed->hint)
        find_junctions(&s, true);
    else if (s.found.len > 1 && !embed->hint)
        find_junctions(&s, true); /* all that could be meant is told */
    if (s.found.len != 1)
        return s.found.len ? several(&s, err) : none(&s, err);
    *out = s.found.items[0];
    return true;
}
